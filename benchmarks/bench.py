"""`make bench`: speed and memory beside the bare libraries in the same run, as a table, JSON and a plot."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from app.settings import load_settings
from benchmarks.report import as_json, describe_machine, new_figure, save_figure, tabulate, write_json
from benchmarks.sample_quality import index_samples
from benchmarks.service import open_temporary_service, say
from benchmarks.speed_asking import measure_asking
from benchmarks.speed_embedding import measure_embedding
from benchmarks.speed_ingestion import measure_acknowledgement, measure_ingestion
from benchmarks.speed_model_path import measure_model_path
from benchmarks.speed_pdf import measure_pdf
from benchmarks.speed_scale import fill_folder, measure_scale
from benchmarks.speed_search import measure_search
from benchmarks.speed_server import measure_server
from benchmarks.speed_telemetry import measure_telemetry
from benchmarks.synthetic import WORDS_PER_CHUNK
from benchmarks.timing import Measurement

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Size = Literal["quick", "full", "large", "huge"]

# Chunks, and the words of each: a million short ones are filled in within minutes.
_SCALES: dict[Size, list[tuple[int, int]]] = {
    "quick": [],
    "full": [],
    "large": [(100_000, WORDS_PER_CHUNK)],
    "huge": [(100_000, WORDS_PER_CHUNK), (1_000_000, 15)],
}


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parse(arguments)
    started = perf_counter()
    machine = describe_machine()
    measurements = asyncio.run(_collect(chosen.size))
    print(tabulate("Speed and memory (medians)", measurements).render())
    payload: dict[str, Any] = {
        "machine": machine,
        "profile": chosen.size,
        "seconds": round(perf_counter() - started, 1),
        "measurements": as_json(measurements),
    }
    print(f"Took {payload['seconds']} s; written to {write_json('bench', payload)}")
    print(f"and {save_figure(_draw(measurements), 'bench')}")
    return 0


async def _collect(size: Size) -> list[Measurement]:
    measurements = []
    async for one in _measure(size):
        ratio = f", {one.ratio:.2f} times {one.baseline_name}" if one.ratio is not None else ""
        say(f"{one.name}: {one.value:.2f} {one.unit}{ratio}")
        measurements.append(one)
    return measurements


async def _measure(size: Size) -> AsyncIterator[Measurement]:
    """The API first, while this process is small; the rest from the parts to the whole."""
    quick = size == "quick"
    for one in measure_server(warm_starts=1 if quick else 3):
        yield one
    for one in measure_telemetry(rounds=3 if quick else 20):
        yield one
    for one in measure_embedding(threads=load_settings().embedding_threads, quick=quick):
        yield one
    for one in measure_pdf(pages=50 if quick else 200, repetitions=3 if quick else 7):
        yield one
    for one in measure_model_path(repetitions=5 if quick else 30):
        yield one
    async with open_temporary_service() as services:
        index_samples(services)
        yield await measure_asking(services, repetitions=30 if quick else 150)
    async with open_temporary_service() as services:
        yield measure_ingestion(services, passages=30 if quick else 100, rounds=2 if quick else 5)
    for chunks in [2_000] if quick else [10_000]:
        async with open_temporary_service() as services:
            yield measure_search(services, chunks=chunks, repetitions=100 if quick else 500)
            with TemporaryDirectory(prefix="llmops-measured-") as folder:
                for one in measure_acknowledgement(services, Path(folder), repetitions=20 if quick else 100):
                    yield one
    for chunks, words in _SCALES[size]:
        with TemporaryDirectory(prefix="llmops-measured-") as folder:
            fill_folder(Path(folder), chunks=chunks, words=words)
            for one in measure_scale(Path(folder), chunks=chunks, words=words, repetitions=200):
                yield one


def _draw(measurements: Sequence[Measurement]) -> Figure:
    """Bars to the right of 1 are better than the bare library, to the left worse, whatever the unit."""
    compared = [(one, one.ratio) for one in measurements if one.ratio is not None]
    gains = [ratio if one.more_is_better else 1 / ratio for one, ratio in compared]
    figure = new_figure(1, width=10, height=0.4 * len(compared) + 1.5)
    axes = figure.axes[0]
    labels = [f"{one.name} ({one.value:,.1f} {one.unit})" for one, _ in compared]
    axes.barh(labels, [gain - 1 for gain in gains], left=1)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set(xscale="log", xlabel="performance relative to the bare library (1 = as fast or as small)")
    axes.invert_yaxis()
    return figure


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    for name, meaning in (
        ("quick", "fewer repetitions and chunks, in under a minute"),
        ("large", "a service with 100,000 chunks as well"),
        (
            "huge",
            "one with a million as well, which takes a quarter of an hour and 6 GB of memory and of disk",
        ),
    ):
        size.add_argument(f"--{name}", dest="size", action="store_const", const=name, help=meaning)
    parser.set_defaults(size="full")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
