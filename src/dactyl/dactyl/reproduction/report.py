"""The report of an experiment, made from its results alone: JSON, Markdown rows, pictures."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from dactyl import results
from dactyl.errors import DactylError
from dactyl.reproduction.experiment import Experiment, Results
from dactyl.reproduction.store import DAMAGED, Finished, finished
from dactyl.status_line import duration
from dactyl.storage.files import write_atomically

RESULT, TABLE, PICTURE = "result.json", "rows.md", "picture.png"
QUICK = "**The quick form: its figures mean nothing.**"
HEADS = ("claim", "the paper", "here", "what differs")


def write(experiment: Experiment, steps: Mapping[str, Finished], folder: Path, quick: bool) -> list[Path]:
    """Write an experiment's report; the results before all else.

    Raises:
        DactylError: a file cannot be written.
    """
    result = folder / RESULT
    what = {"experiment": experiment.name, "quick": quick, "steps": {name: s.as_json() for name, s in steps.items()}}
    results.write(result, f"reproduce {experiment.name}", None, what)
    return [result, *remake(experiment, folder)]


def remake(experiment: Experiment, folder: Path) -> list[Path]:
    """Rows and pictures from the results in a folder.

    Raises:
        DactylError: the results cannot be read, or a file not written.
    """
    steps, quick = read(folder / RESULT)
    outcomes = outcomes_of(steps)
    table, picture = folder / TABLE, folder / PICTURE
    _write(table, page(experiment, steps, quick))
    _write(picture, _drawn(experiment, outcomes))
    more = [folder / name for name in experiment.pictures]
    for path, make in zip(more, experiment.pictures.values(), strict=True):
        make(outcomes, path)
    return [table, picture, *more]


def read(path: Path) -> tuple[dict[str, Finished], bool]:
    """The steps of an experiment's results, and whether they are of its quick form.

    Raises:
        DactylError: there are none, or they are damaged.
    """
    try:
        kept = json.loads(path.read_text())["results"]
        return {str(name): _step(each) for name, each in kept["steps"].items()}, bool(kept["quick"])
    except OSError as error:
        raise DactylError(f"cannot read the results {path}: {error.strerror or error}") from error
    except DAMAGED as error:
        raise DactylError(f"the results {path} are damaged: {type(error).__name__}") from error


def _step(kept: Mapping[str, object]) -> Finished:
    return finished({"results": kept, "machine": kept["machine"], "commit": kept["commit"]})


def outcomes_of(steps: Mapping[str, Finished]) -> Results:
    """What the steps gave."""
    return {name: step.outcome for name, step in steps.items()}


def page(experiment: Experiment, steps: Mapping[str, Finished], quick: bool) -> str:
    """The rows as a page in Markdown."""
    rows = experiment.rows(outcomes_of(steps))
    lines = [f"# {experiment.of}: {experiment.title}", "", f"    ./dactyl reproduce {experiment.name}", ""]
    if quick:
        lines[2] += " --quick"
        lines += [QUICK, ""]
    lines += table([(row.what, row.paper, row.ours, row.differs) for row in rows])
    for picture in (PICTURE, *experiment.pictures):
        lines += ["", f"![{experiment.title}]({picture})"]
    if experiment.differs:
        lines += ["", "What differs in all rows:", "", *(f"- {sentence}" for sentence in experiment.differs)]
    return "\n".join([*lines, "", f"Measured on {provenance(steps)}.", ""])


def table(rows: Sequence[tuple[str, str, str, str]]) -> list[str]:
    """Lines of a table in Markdown."""
    cells = [HEADS, ("---",) * len(HEADS), *(tuple(map(_cell, row)) for row in rows)]
    return [f"| {' | '.join(row)} |" for row in cells]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())


def provenance(steps: Mapping[str, Finished]) -> str:
    """Machine, commits and time of finished steps, for a person."""
    machines = sorted({f"{step.machine.get('cpu')}, {step.machine.get('cores')} cores" for step in steps.values()})
    gpus = sorted({gpu for step in steps.values() for gpu in step.machine.get("gpus") or ()})
    commits = sorted({step.commit or "an unknown commit" for step in steps.values()})
    taken = sum(step.seconds for step in steps.values())
    return f"{'; '.join([*machines, *gpus])}; commit {', '.join(commits)}; in {duration(taken)} of work"


def _drawn(experiment: Experiment, outcomes: Results) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=experiment.figure_size, layout="constrained")
    FigureCanvasAgg(figure)
    experiment.draw(outcomes, figure)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=100, format="png")
    return drawn.getvalue()


def ship(experiment: Experiment, folder: Path, docs: Path) -> list[Path]:
    """Copy a full report to where shipped ones are.

    Args:
        experiment: whose.
        folder: of its report.
        docs: of all shipped reports.

    Raises:
        DactylError: there is no full report, or it cannot be copied.
    """
    _, quick = read(folder / RESULT)
    if quick:
        raise DactylError(f"{folder} holds the quick form of {experiment.name}: its figures mean nothing")
    target = docs / experiment.name
    names = [RESULT, TABLE, PICTURE, *experiment.pictures]
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name in names:
            write_atomically(target / name, (folder / name).read_bytes())
    except OSError as error:
        raise DactylError(f"cannot ship {experiment.name} to {target}: {error.strerror or error}") from error
    return [target / name for name in names]


def _write(path: Path, content: bytes | str) -> None:
    try:
        write_atomically(path, content)
    except OSError as error:
        raise DactylError(f"cannot write {path}: {error.strerror}") from error
