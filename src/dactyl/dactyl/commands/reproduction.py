"""reproduce: the paper's tables and figures, one command each."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import tyro

from dactyl.ranges import Threads, Workers

Names = Annotated[
    tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="NAME", help="experiments; --list shows them")
]
Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]


def reproduce(
    names: Names = (),
    /,
    list: Flag = False,
    page: Flag = False,
    ship: Flag = False,
    quick: Flag = False,
    threads: Threads = 0,
    workers: Workers | None = None,
    out: Path = Path("runs/reproduce"),
) -> int:
    """Make the paper's tables and figures again: experiments that say their cost first and can be interrupted.

    Each step's results are saved when it ends. The same command goes on where it was stopped; what is finished is not
    repeated unless its weights or settings changed. The report is result.json, rows.md and picture.png.

    For example:
      ./dactyl reproduce --list
      ./dactyl reproduce table-3
      ./dactyl reproduce table-3 table-6 --quick
      ./dactyl reproduce table-3 --ship
      ./dactyl reproduce --page

    Args:
        list: show all experiments with their state and cost
        page: make the table of claims in docs/paper.md from the shipped results
        ship: then copy the full report to docs/reproduced
        quick: so few trials and steps that it ends in minutes, to see that everything runs
        threads: CPU threads, 0 for all cores
        workers: processes that train together; as many as share the cores evenly by default
        out: folder for steps and reports
    """
    from dactyl.errors import WrongArgumentError
    from dactyl.reproduction import catalogue, claims, listing, report
    from dactyl.reproduction.engine import Choice, run
    from dactyl.reproduction.experiment import StoppedError
    from dactyl.storage.shared import shared

    if not (names or list or page):
        raise WrongArgumentError("name an experiment, or choose --list or --page")
    if ship and not names:
        raise WrongArgumentError("--ship: name an experiment")
    if ship and quick:
        raise WrongArgumentError("--ship and --quick: figures of the quick form mean nothing")
    docs = shared("docs", "reproduced")
    choice = Choice(out, quick, threads, workers)
    chosen = [catalogue.load(name) for name in names]
    for experiment in chosen:
        try:
            files = run(experiment, choice, lambda text: print(text, file=sys.stderr, flush=True))
        except StoppedError as stopped:
            return 128 + signal.Signals[str(stopped)]
        if ship:
            files = report.ship(experiment, files[0].parent, docs)
        print("\n".join([files[1].read_text().rstrip(), "", *map(str, files)]))
    if page:
        print(claims.write(shared("docs", "paper.md"), catalogue.everything(), docs))
    if list:
        print(listing.as_text(catalogue.everything(), choice, docs))
    return 0
