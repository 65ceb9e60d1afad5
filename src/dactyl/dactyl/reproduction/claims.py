"""The table of claims in docs/paper.md, made of the shipped results: the paper's beside ours, and what differs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dactyl.errors import DactylError
from dactyl.reproduction import report
from dactyl.reproduction.experiment import Experiment
from dactyl.reproduction.listing import PLAN, outdated, stated
from dactyl.reproduction.store import DAMAGED
from dactyl.storage.files import write_atomically

BEGIN, END = "<!-- claims: begin, made by ./dactyl reproduce --page -->", "<!-- claims: end -->"


def renew(page: Path, experiments: Iterable[Experiment], docs: Path) -> str:
    """A page's text with its table as the shipped results have it.

    Args:
        page: that has the markers.
        experiments: to tell of.
        docs: folder of shipped reports, beside the page.

    Raises:
        DactylError: the page or a shipped result cannot be read, or the page has no markers.
    """
    try:
        before, begin, rest = page.read_text().partition(BEGIN)
    except OSError as error:
        raise DactylError(f"cannot read {page}: {error.strerror or error}") from error
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise DactylError(f"{page} has no place for the claims: {BEGIN} … {END}")
    rows = [row for experiment in experiments for row in _rows(experiment, docs)]
    return "\n".join([f"{before}{BEGIN}", "", *report.table(rows), "", f"{END}{after}"])


def write(page: Path, experiments: Iterable[Experiment], docs: Path) -> Path:
    """Bring a page up to date.

    Raises:
        DactylError: see `renew`; or it cannot be written.
    """
    text = renew(page, experiments, docs)
    try:
        write_atomically(page, text)
    except OSError as error:
        raise DactylError(f"cannot write {page}: {error.strerror}") from error
    return page


def _rows(experiment: Experiment, docs: Path) -> list[tuple[str, str, str, str]]:
    title = f"**{experiment.of}**: {experiment.title}"
    folder = docs / experiment.name
    if not (folder / report.RESULT).exists():
        waiting = f"not run yet: `./dactyl reproduce {experiment.name}`, {stated(experiment)}"
        return [(title, "", waiting, " ".join(experiment.differs))]
    steps, quick = report.read(folder / report.RESULT)
    if quick:
        raise DactylError(f"{folder} holds the quick form of {experiment.name}: its figures mean nothing")
    if missing := {step.name for step in experiment.plan(PLAN)} - set(steps):
        raise DactylError(f"{folder} is of an older plan, without {min(missing)}: reproduce and ship it again")
    older = outdated(experiment, steps)
    link = f"[{report.provenance(steps)}]({docs.name}/{experiment.name}/{report.TABLE})"
    link += f"; since then, {older}" if older else ""
    try:
        rows = experiment.rows(report.outcomes_of(steps))
    except DAMAGED as error:
        raise DactylError(f"the results in {folder} are not those of {experiment.name}: {error!r}") from error
    return [(title, "", link, " ".join(experiment.differs)), *((r.what, r.paper, r.ours, r.differs) for r in rows)]
