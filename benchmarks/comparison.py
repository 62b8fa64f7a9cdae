"""The service beside the one that LangChain's tutorials lead to: the same passages, in turn, in one run.

The other needs PyTorch, so it has an environment of its own, whose Python `--other-python` names: with torch,
sentence-transformers, langchain-huggingface, langchain-community, langserve, faiss-cpu, fastapi and uvicorn. Both embed
with the same weights.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import httpx

from app.models.minilm import model_folder
from benchmarks.report import as_json, describe_machine, tabulate, write_json
from benchmarks.service import say
from benchmarks.speed_server import SERVICE, cpu_s, environment_below, running
from benchmarks.synthetic import TextSource
from benchmarks.timing import Measurement, in_ms, spread_ms, time_in_turn

PASSAGE_CHARS = 800
TUTORIAL = "LangChain tutorial service"
_PER_UPLOAD = 100
_FOUND = 6


@dataclass(frozen=True)
class Door:
    """One of the two services while it runs; `pid` is its process, whose children count as well."""

    pid: int
    upload: Callable[[Sequence[str]], float]
    """Index texts and give the seconds that embedding and adding them took, where the service tells; else 0."""
    search: Callable[[str], None]


def measure(other_python: Path, *, passages: int, repetitions: int) -> Iterator[Measurement]:
    source = TextSource(seed=23)
    texts = [source.chunk()[:PASSAGE_CHARS] for _ in range(passages + 2 * _PER_UPLOAD)]
    questions = [source.question(text) for text in texts[:repetitions]]
    texts, warm_up, extra = texts[:passages], texts[passages:-_PER_UPLOAD], texts[-_PER_UPLOAD:]
    with TemporaryDirectory(prefix="llmops-measured-") as folder:
        environment = environment_below(Path(folder))
        tutorial = [
            str(other_python),
            "benchmarks/tutorial_service.py",
            str(model_folder()),
            f"{folder}/other",
        ]
        with (
            running(SERVICE, environment) as (process, client, _),
            running(tutorial, _of_the_other(environment)) as (other_process, other_client, _),
        ):
            ours = Door(process.pid, lambda texts: _index(client, texts), lambda q: _search(client, q))
            other = Door(
                other_process.pid,
                lambda texts: _upload(other_client, texts),
                lambda q: _retrieve(other_client, q),
            )
            for door in (ours, other):
                door.upload(warm_up)
            yield from _compare_ingestion(ours, other, texts)
            yield from _compare_search(ours, other, questions)
            yield _compare_one_more(ours, other, extra)


def _compare_ingestion(ours: Door, other: Door, texts: Sequence[str]) -> Iterator[Measurement]:
    wall = {ours.pid: 0.0, other.pid: 0.0}
    used = dict(wall)
    added_s = 0.0
    for part in (texts[start : start + _PER_UPLOAD] for start in range(0, len(texts), _PER_UPLOAD)):
        for door in (ours, other):
            cpu, started = cpu_s(door.pid), perf_counter()
            added = door.upload(part)
            wall[door.pid] += perf_counter() - started
            used[door.pid] += cpu_s(door.pid) - cpu
            added_s += added
    name, count = f"{len(texts):,} passages of {PASSAGE_CHARS} characters ingested", len(texts)
    yield Measurement(f"{name}, CPU", "s", used[ours.pid], used[other.pid], TUTORIAL)
    yield Measurement(name, "passages/s", count / wall[ours.pid], count / wall[other.pid], TUTORIAL, True)
    bare = "sentence-transformers and LangChain's FAISS in it alone, nothing saved"
    yield Measurement(name, "passages/s", count / wall[ours.pid], count / added_s, bare, True)


def _compare_search(ours: Door, other: Door, questions: Sequence[str]) -> Iterator[Measurement]:
    before = {door.pid: cpu_s(door.pid) for door in (ours, other)}
    took, other_took = time_in_turn(
        lambda turn: ours.search(questions[turn]),
        lambda turn: other.search(questions[turn]),
        len(questions),
    )
    used, other_used = (
        1000 * (cpu_s(door.pid) - before[door.pid]) / (len(questions) + 1) for door in (ours, other)
    )
    details = {"ours": spread_ms(took), "other": spread_ms(other_took)}
    yield Measurement("search, one client", "ms", in_ms(took), in_ms(other_took), TUTORIAL, details=details)
    yield Measurement("search, CPU a request", "ms", used, other_used, TUTORIAL)


def _compare_one_more(ours: Door, other: Door, texts: Sequence[str]) -> Measurement:
    own, others = texts[::2], texts[1::2]
    took, other_took = time_in_turn(
        lambda turn: ours.upload([own[turn]]), lambda turn: other.upload([others[turn]]), len(own)
    )
    details = {"ours": spread_ms(took), "other": spread_ms(other_took)}
    return Measurement(
        "one more document, durable", "ms", in_ms(took), in_ms(other_took), TUTORIAL, details=details
    )


def _index(client: httpx.Client, texts: Sequence[str]) -> float:
    documents = [{"text": text} for text in texts]
    answer = client.post("/index", json={"documents": documents}, timeout=600).raise_for_status().json()
    assert all(document["status"] == "indexed" for document in answer["documents"])
    return 0.0


def _search(client: httpx.Client, question: str) -> None:
    answer = client.post("/search", json={"query": question, "k": _FOUND}).raise_for_status().json()
    assert len(answer["results"]) == _FOUND


def _upload(client: httpx.Client, texts: Sequence[str]) -> float:
    answer = client.post("/upload", json={"texts": list(texts)}, timeout=600).raise_for_status().json()
    assert answer["chunks"] == len(texts)
    return float(answer["added_s"])


def _retrieve(client: httpx.Client, question: str) -> None:
    answer = client.post("/retriever/invoke", json={"input": question}).raise_for_status().json()
    assert len(answer["output"]) == _FOUND


def _of_the_other(environment: Mapping[str, str]) -> dict[str, str]:
    return {**environment, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "PYTHONPATH": ""}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the comparison as a table, and write it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.comparison", description=__doc__)
    parser.add_argument("--other-python", type=Path, required=True, metavar="PATH")
    parser.add_argument("--passages", type=int, default=2_000)
    parser.add_argument("--repetitions", type=int, default=300, help="searches of each, at most `passages`")
    chosen = parser.parse_args(arguments)
    machine = describe_machine()
    found: list[Measurement] = []
    for one in measure(chosen.other_python, passages=chosen.passages, repetitions=chosen.repetitions):
        say(f"{one.name}: {one.value:.2f} {one.unit}, {one.ratio:.2f} times {one.baseline_name}")
        found.append(one)
    print(tabulate("Beside the service of LangChain's tutorials", found).render())
    print(f"Written to {write_json('comparison', {'machine': machine, 'measurements': as_json(found)})}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
