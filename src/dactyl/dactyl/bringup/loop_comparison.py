"""Ways to run the same graph, measured in turns on one machine within one run: executors, and how many processes."""

from __future__ import annotations

import dataclasses
import json
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from dactyl.bringup import processes
from dactyl.bringup.options import SimOptions, Way
from dactyl.bringup.run import sim_graph, with_loop_benchmark
from dactyl.errors import DactylError

SHARED = "-together"
INTERRUPTED = {128 + number for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
"""Exit codes of a graph that a person ended."""
TIMES = ("period_ms", "latency_ms", "targets_period_ms", "pose_from_images_ms")
"""Figures with percentiles, as the benchmark names them."""


class Measurement(NamedTuple):
    """What is measured in each turn."""

    options: SimOptions
    seconds: float
    cameras: bool


def chosen(options: SimOptions, way: Way) -> SimOptions:
    """The options with an executor, and with the small nodes in one process or not."""
    executor: Literal["waitset", "events"] = "events" if way.startswith("events") else "waitset"
    return dataclasses.replace(options, executor=executor, one_process=way.endswith(SHARED))


def compare(
    ways: Sequence[Way], turns: int, measurement: Measurement, save: Callable[[Mapping[str, Any]], None]
) -> dict[str, Any]:
    """Measure each way, then each again: what changes on the machine meanwhile then shows as a difference of turns.

    Args:
        ways: at least two different ones.
        turns: how often each is measured.
        measurement: what of.
        save: gets the outcome so far, after each measurement.

    Returns:
        {"ways": {way: [figures of each turn]}}; "incomplete" too where a person has ended it.

    Raises:
        DactylError: there is nothing to compare; a graph ended without figures.
    """
    if len(set(ways)) < 2 or len(set(ways)) < len(ways):
        raise DactylError(f"versus: nothing to compare in {' '.join(ways)}: name two or more different ways")
    outcome: dict[str, Any] = {"ways": {way: [] for way in ways}}
    for way in [*ways] * turns:
        figures = _measured(way, measurement)
        if figures is None:
            outcome["incomplete"] = {"asked": turns}
            save(outcome)
            break
        outcome["ways"][way].append(figures)
        save(outcome)
    return outcome


def _measured(way: Way, measurement: Measurement) -> dict[str, Any] | None:
    """One turn of one way; None where a person has ended it."""
    with tempfile.TemporaryDirectory(prefix="dactyl-loop-") as folder:
        report = Path(folder, "loop.json")
        graph = sim_graph(chosen(measurement.options, way))
        code = processes.run(with_loop_benchmark(graph, measurement.seconds, measurement.cameras, report))
        if code in INTERRUPTED:
            return None
        if code or not report.exists():
            raise DactylError(f"{way}: the graph ended with exit code {code}, without figures")
        figures: dict[str, Any] = json.loads(report.read_text())["results"]
    return figures


def as_text(outcome: Mapping[str, Any]) -> str:
    """A table for people: a row for each figure, a column for each way, its turns side by side."""
    ways: Mapping[str, Sequence[Mapping[str, Any]]] = outcome["ways"]
    rows = [("", list(ways)), *_rows(ways)]
    first = max(len(name) for name, _ in rows)
    widths = [max(len(cells[column]) for _, cells in rows) for column in range(len(ways))]
    lines = [
        "  ".join([f"{name:<{first}}", *(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))])
        for name, cells in rows
    ]
    if "incomplete" in outcome:
        lines.append(f"ended before every way was measured {outcome['incomplete']['asked']} times")
    return "\n".join(lines)


def _rows(ways: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[tuple[str, list[str]]]:
    """Name and cells of each row that any way has something for."""
    every = [figures for turns in ways.values() for figures in turns]
    shown = [(name, part) for name in TIMES for part in ("p50", "p99", "max")]
    shown += [("real_time_factor", ""), *(("cpu_percent", node) for node in _keys(every, "cpu_percent"))]
    shown += [("images_per_s", camera) for camera in _keys(every, "images_per_s")]
    for name, part in shown:
        cells = [[_figure(figures, name, part) for figures in turns] for turns in ways.values()]
        if any(value is not None for values in cells for value in values):
            yield f"{name} {part}".rstrip(), [_text(values) for values in cells]
    for name in ("cpu_percent", "rss_mb"):
        sums = [[round(sum(figures.get(name, {}).values()), 1) for figures in turns] for turns in ways.values()]
        yield f"{name} in all", [_text(values) for values in sums]


def _keys(every: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    return sorted({key for figures in every for key in figures.get(name, {})})


def _figure(figures: Mapping[str, Any], name: str, part: str) -> float | None:
    found = figures.get(name)
    return found.get(part) if isinstance(found, Mapping) else found


def _text(values: Sequence[float | None]) -> str:
    return " / ".join("-" if value is None else f"{value:g}" for value in values) or "-"
