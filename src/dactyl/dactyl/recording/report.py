"""A bag as one HTML page that needs nothing else: figures as inline SVG, pictures as JPEG, no scripts."""

from __future__ import annotations

import base64
import datetime
import html
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dactyl import __version__, topics
from dactyl.errors import DactylError
from dactyl.maths.summary import summary
from dactyl.recording.analysis import Analysis, analyse
from dactyl.recording.pictures import pictures_at

STRIP_WIDTH = 220  # pixels of a picture
MAX_STRIPS = 40
_BLUE, _GREEN, _ORANGE, _RED, _GREY = "#2f6fed", "#22a06b", "#e28a1a", "#d64545", "#8a94a6"
_REASON_COLOURS = {"dropped": _RED, "timeout": _ORANGE, "complete": _GREEN, "reset": _GREY, "": _GREY}
_STYLE = """
:root { color-scheme: light dark; --card: #ffffff; --back: #f4f6f9; --text: #1d2430; --dim: #667085; --line: #e3e7ee }
@media (prefers-color-scheme: dark) {
  :root { --card: #1b212c; --back: #12161d; --text: #e8ecf3; --dim: #98a2b3; --line: #2b3342 }
  figure svg { background: #fff; border-radius: 8px }
}
body { margin: 0 auto; max-width: 1080px; padding: 2rem 1.2rem 4rem; background: var(--back); color: var(--text);
       font: 15px/1.5 Inter, system-ui, sans-serif }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.05rem; margin: 0 0 .6rem } p.dim, .dim { color: var(--dim) }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.1rem 1.3rem;
          margin: 1rem 0; overflow-x: auto }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: .8rem; margin: 1.2rem 0 }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: .8rem 1rem }
.tile b { display: block; font-size: 1.7rem; line-height: 1.2 }
table { border-collapse: collapse; width: 100%; font-size: .9rem } th { color: var(--dim) }
td, th { text-align: left; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line); font-weight: normal }
figure { margin: 0 } figure svg { width: 100%; height: auto }
.strip { display: flex; gap: .4rem; align-items: center; margin: .5rem 0 }
.strip img { border-radius: 6px; width: 220px } .bad { color: #d64545 }
.strip span { width: 7.5rem; color: var(--dim); font-size: .85rem }
"""


@dataclass
class _Page:
    """HTML, piece by piece."""

    parts: list[str] = field(default_factory=list)

    def section(self, title: str, *content: str) -> None:
        self.parts.append(f"<section><h2>{html.escape(title)}</h2>{''.join(content)}</section>")


def write(bag: Path, out: Path, namespace: str = topics.NAMESPACE) -> Analysis:
    """Write the report of a bag, of the graph in a namespace; what was found.

    Raises:
        DactylError: there is nothing to read, or the file cannot be written.
    """
    analysis = analyse(bag, namespace)
    text = as_html(analysis)
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DactylError(f"cannot write {out}: {error.strerror}") from error
    return analysis


def as_html(analysis: Analysis) -> str:
    """The whole page."""
    page = _Page()
    successes = [len(trial.success_times) for trial in analysis.trials if trial.reason not in ("", "reset")]
    lost = sum(analysis.recorder_lost.values())
    page.parts.append(
        f"<h1>{html.escape(analysis.path.name)}</h1><p class=dim>{_date(analysis.start_ns)} · "
        f"{analysis.seconds:.1f} s · {analysis.size_mb:.1f} MB · dactyl {__version__}</p>"
    )
    tiles = {
        "trials ended": str(len(successes)),
        "goals reached": str(analysis.successes),
        "mean in a row": f"{np.mean(successes):.1f}" if successes else "–",
        "median": f"{np.median(successes):g}" if successes else "–",
        "messages": f"{sum(flow.count for flow in analysis.flows):,}",
        "lost in recording": str(lost),
    }
    page.parts.append(
        f"<div class=tiles>{''.join(f'<div class=tile><b>{v}</b>{k}</div>' for k, v in tiles.items())}</div>"
    )
    if analysis.problems:
        page.section("This bag is damaged", _list(analysis.problems), "<p class=dim>What could be read is shown.</p>")
    with mpl.rc_context({"svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9, "axes.spines.top": False,
                         "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25}):  # fmt: skip
        if analysis.trials:
            page.section("Angle to the goal", _figure(_angles(analysis)))
            page.section("Goals reached over time", _figure(_successes(analysis)), _trial_table(analysis))
        else:
            page.section("Trials", "<p>No trial ran in this bag.</p>")
        _add_strips(page, analysis)
        if analysis.latencies_ms:
            page.section("Latencies and period", _figure(_latencies(analysis)), _latency_table(analysis))
        page.section("Topics and drop-outs", _figure(_flow(analysis)), _topic_table(analysis))
    if analysis.warnings:
        rows = [(f"{time:.1f} s", node, message) for time, node, message in analysis.warnings[:60]]
        page.section("Warnings of the nodes", _table(("when", "node", "message"), rows))
    body = "".join(page.parts)
    title = html.escape(analysis.path.name)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{title}</title><style>{_STYLE}</style><body>{body}</body></html>\n"
    )


# ------------------------------------------------------------------------------------------------------------- curves


def _angles(analysis: Analysis) -> Figure:
    figure = Figure(figsize=(10, 2.6), layout="constrained")
    axes = figure.subplots()
    for trial in analysis.trials:
        axes.plot(trial.times, trial.angles, color=_BLUE, linewidth=1)
        axes.axvspan(trial.start, trial.end, color=_REASON_COLOURS.get(trial.reason, _GREY), alpha=0.06, linewidth=0)
        axes.annotate(f"{trial.number}", (trial.start, 3.2), fontsize=8, color=_GREY, annotation_clip=True)
        for time in trial.success_times:
            axes.axvline(time, color=_GREEN, linewidth=1.2, alpha=0.8)
    axes.axhline(analysis.tolerance, color=_GREEN, linewidth=0.9, linestyle="--")
    axes.set(xlim=(0, analysis.seconds), ylim=(0, 3.3), xlabel="s", ylabel="rad")
    return figure


def _successes(analysis: Analysis) -> Figure:
    figure = Figure(figsize=(10, 2.0), layout="constrained")
    axes = figure.subplots()
    for trial in analysis.trials:
        times = [trial.start, *trial.success_times, trial.end]
        counts = [*range(len(trial.success_times) + 1), len(trial.success_times)]
        axes.step(times, counts, where="post", color=_ORANGE, linewidth=1.6)
        axes.plot(trial.end, counts[-1], "o", color=_REASON_COLOURS.get(trial.reason, _GREY), markersize=5)
    most = max(len(trial.success_times) for trial in analysis.trials)
    axes.set(xlim=(0, analysis.seconds), ylim=(0, most + 1), xlabel="s", ylabel="in a row")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _latencies(analysis: Analysis) -> Figure:
    count = len(analysis.latencies_ms)
    figure = Figure(figsize=(10, 2.0), layout="constrained")
    grid = figure.subplots(1, count, squeeze=False)
    for axes, (label, values) in zip(grid[0], analysis.latencies_ms.items(), strict=True):
        axes.hist(values, bins=60, range=(min(0.0, float(values.min())), float(np.percentile(values, 99.5)) + 1e-3),
                  color=_BLUE, alpha=0.8)  # fmt: skip
        axes.axvline(np.percentile(values, 99), color=_RED, linewidth=1, linestyle="--")
        axes.set(title=label, xlabel="ms", yticks=[])
    return figure


def _flow(analysis: Analysis) -> Figure:
    flows = [flow for flow in analysis.flows if flow.count > 20]
    figure = Figure(figsize=(10, 0.6 + 0.2 * max(1, len(flows))), layout="constrained")
    axes = figure.subplots()
    for row, flow in enumerate(reversed(flows)):
        axes.barh(row, analysis.seconds, color=_BLUE, alpha=0.25, height=0.6)
        spans = [(start, max(length, analysis.seconds / 500)) for start, length in flow.gaps]
        axes.broken_barh(spans, (row - 0.3, 0.6), color=_RED)
    if analysis.lost_fingertips:
        spans = [(start, max(length, analysis.seconds / 500)) for start, length in analysis.lost_fingertips]
        axes.broken_barh(spans, (len(flows) - 0.3, 0.6), color=_ORANGE)
        axes.barh(len(flows), analysis.seconds, color=_GREY, alpha=0.15, height=0.6)
    labels = [flow.name for flow in reversed(flows)] + (["fingertip not seen"] if analysis.lost_fingertips else [])
    axes.set(xlim=(0, analysis.seconds), xlabel="s", yticks=range(len(labels)), yticklabels=labels)
    axes.grid(visible=False)
    return figure


# ----------------------------------------------------------------------------------------------------------- pictures


def _add_strips(page: _Page, analysis: Analysis) -> None:
    """A row of camera pictures for each goal reached; without one, for the end of each trial."""
    moments = [
        (stamp, f"trial {trial.number}<br>goal {i + 1}<br>{time:.1f} s")
        for trial in analysis.trials
        for i, (time, stamp) in enumerate(zip(trial.success_times, trial.success_stamps, strict=True))
    ]
    title = "The cameras when goals were reached"
    if not moments:
        title = "The cameras at the end of each trial (no goal was reached)"
        moments = [
            (trial.last_stamp, f"trial {trial.number}<br>{trial.reason or 'bag ends'}<br>{trial.end:.1f} s")
            for trial in analysis.trials
        ]
    strips = pictures_at(analysis.path, [stamp for stamp, _ in moments[:MAX_STRIPS]], analysis.namespace)
    rows = [
        f"<div class=strip><span>{label}</span>{''.join(_jpeg(picture) for picture in strips[stamp])}</div>"
        for stamp, label in moments
        if strips.get(stamp)
    ]
    if rows:
        left_out = f"<p class=dim>The first {MAX_STRIPS} of {len(moments)}.</p>" if len(moments) > MAX_STRIPS else ""
        page.section(title, *rows, left_out)


def _jpeg(picture: np.ndarray) -> str:
    height = round(picture.shape[0] * STRIP_WIDTH / picture.shape[1])
    small = cv2.resize(picture, (STRIP_WIDTH, height), interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])
    return f"<img alt='' src='data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}'>"


# ------------------------------------------------------------------------------------------------------------- tables


def _trial_table(analysis: Analysis) -> str:
    rows = [
        (trial.number, len(trial.success_times), trial.reason or "the bag ends", f"{trial.end - trial.start:.1f}",
         f"{np.nanmin(trial.angles):.2f}" if np.isfinite(trial.angles).any() else "–")
        for trial in analysis.trials
    ]  # fmt: skip
    return _table(("trial", "goals", "ended by", "s", "least angle, rad"), rows)


def _latency_table(analysis: Analysis) -> str:
    rows = [
        (label, *(f"{value:.2f}" for value in summary(values).values()), len(values))
        for label, values in analysis.latencies_ms.items()
    ]
    return _table(("ms", "p50", "p99", "max", "samples"), rows)


def _topic_table(analysis: Analysis) -> str:
    rows = []
    for flow in analysis.flows:
        silent = f"{len(flow.gaps)}, longest {max(length for _, length in flow.gaps):.2f} s" if flow.gaps else ""
        rows.append((flow.name, flow.type, flow.count, f"{flow.rate:.1f}", f"{flow.megabytes:.1f}", flow.missing or "",
                     silent))  # fmt: skip
    return _table(("topic", "type", "messages", "Hz", "MB", "missing", "silences"), rows)


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    header = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{header}</tr>{body}</table>"


def _list(lines: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li class=bad>{html.escape(line)}</li>" for line in lines) + "</ul>"


def _figure(figure: Figure) -> str:
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    return f"<figure>{text[text.index('<svg') :]}</figure>"


def _date(ns: int) -> str:
    return datetime.datetime.fromtimestamp(ns * 1e-9, tz=datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
