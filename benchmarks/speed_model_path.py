"""What the service adds to a chat model's own time, with a stub of an OpenAI server that takes half a second."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import httpx

from app.settings import EMBEDDED_EMBEDDING_MODEL
from benchmarks.speed_server import SERVICE, cpu_s, environment_below, running
from benchmarks.timing import Measurement, in_ms, spread_ms

REPLY_S = 0.5
CLIENTS = 50

_STUB = (sys.executable, "-m", "tests.stub_openai", "--delay", str(REPLY_S), "--port")
_ALONE = f"the model alone, {REPLY_S:g} s a reply"
_FLATS = 400
_TEXT = "The monthly rent of flat {0} is {1} euros. The notice period of flat {0} is {2} weeks. "


@dataclass(frozen=True)
class _Pair:
    """The service and the model behind it, each a process of its own."""

    service: httpx.Client
    service_pid: int
    model: httpx.Client

    def ask(self, turn: int) -> float:
        """Seconds of one answered question."""
        started = perf_counter()
        body = {"question": _question(turn), "agent": "qa"}
        answer = self.service.post("/ask", json=body).raise_for_status().json()
        assert (answer["mode"], answer["degraded"]) == ("llm", []), answer
        return perf_counter() - started

    def ask_model(self, turn: int) -> float:
        started = perf_counter()
        self.model.post("/v1/chat/completions", json=_messages(turn)).raise_for_status()
        return perf_counter() - started

    def first_token(self, turn: int) -> float:
        """Seconds until the first piece of a streamed answer."""
        body = {"input": {"question": _question(turn)}}
        return _until(
            self.service, "/qa/stream", body, lambda line: '"type":"token"' in line.replace(" ", "")
        )

    def first_token_of_model(self, turn: int) -> float:
        body = _messages(turn) | {"stream": True}
        return _until(self.model, "/v1/chat/completions", body, lambda line: line.startswith("data:"))


def measure_model_path(*, repetitions: int) -> Iterator[Measurement]:
    with _open_pair() as pair:
        for turn in range(3):
            pair.ask(turn)
        before = cpu_s(pair.service_pid)
        asked = [pair.ask(turn) for turn in range(repetitions)]
        used_ms = (cpu_s(pair.service_pid) - before) / repetitions * 1000
        alone = [pair.ask_model(turn) for turn in range(repetitions)]
        yield _beside("an answer by the model, one client", asked, alone)
        yield Measurement("an answer by the model, CPU of the service", "ms", used_ms)
        with ThreadPoolExecutor(CLIENTS) as clients:
            crowd = list(clients.map(pair.ask, range(CLIENTS * max(2, repetitions // 10))))
        yield _beside(f"an answer by the model, {CLIENTS} clients", crowd, alone)
        first = [pair.first_token(turn) for turn in range(repetitions)]
        first_alone = [pair.first_token_of_model(turn) for turn in range(repetitions)]
        yield _beside("first token, one client", first, first_alone)


def _beside(name: str, ours: list[float], alone: list[float]) -> Measurement:
    added = in_ms(ours) - in_ms(alone)
    details = {"ours": spread_ms(ours), "bare": spread_ms(alone), "beside_the_model_ms": round(added, 1)}
    return Measurement(
        f"{name} ({added:.0f} ms beside)", "ms", in_ms(ours), in_ms(alone), _ALONE, details=details
    )


@contextmanager
def _open_pair() -> Iterator[_Pair]:
    with TemporaryDirectory(prefix="llmops-measured-") as folder:
        environment = environment_below(Path(folder))
        with running(_STUB, environment) as (_, model, _):
            environment |= {
                "OPENAI_API_KEY": "sk-measured",
                "OPENAI_BASE_URL": f"{str(model.base_url).rstrip('/')}/v1",
                "LLMOPS_EMBEDDING_MODEL": EMBEDDED_EMBEDDING_MODEL,
                "USE_DEMO_MODE": "false",
            }
            with running(SERVICE, environment) as (process, service, _):
                texts = [_TEXT.format(flat, 900 + flat, flat % 9 + 2) * 6 for flat in range(_FLATS // 10)]
                documents = [{"text": text} for text in texts]
                service.post("/index", json={"documents": documents}).raise_for_status()
                yield _Pair(service, process.pid, model)


def _question(turn: int) -> str:
    return f"How high is the monthly rent of flat {turn % _FLATS}?"


def _messages(turn: int) -> dict[str, object]:
    return {"model": "any", "messages": [{"role": "user", "content": _question(turn)}]}


def _until(client: httpx.Client, path: str, body: object, is_it: Callable[[str], bool]) -> float:
    started = perf_counter()
    with client.stream("POST", path, json=body) as response:
        for line in response.iter_lines():
            if is_it(line):
                return perf_counter() - started
    raise AssertionError(f"{path} streamed nothing")
