"""What this machine has, and what is missing and how to get it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One row of the table. `remedy` says how to get what is missing; `needed`: dactyl does not work without it."""

    name: str
    found: str
    ok: bool = True
    needed: bool = True
    remedy: str = ""


def examine() -> list[Finding]:
    """Look at everything dactyl uses; takes a few seconds, because it imports and renders for real."""
    import platform

    return [Finding("python", platform.python_version())]


def show(findings: Sequence[Finding]) -> None:
    """Print the table."""
    from rich.console import Console
    from rich.table import Table

    table = Table("", "what", "found", "how to get it", title="dactyl doctor", title_justify="left")
    for finding in findings:
        mark = "[green]ok[/]" if finding.ok else "[red]missing[/]" if finding.needed else "[yellow]without[/]"
        table.add_row(mark, finding.name, finding.found, "" if finding.ok else finding.remedy)
    Console().print(table)


def as_results(findings: Sequence[Finding]) -> dict[str, Any]:
    """The findings for a results file, by name."""
    return {finding.name: {k: v for k, v in asdict(finding).items() if k != "name"} for finding in findings}


def exit_code(findings: Sequence[Finding]) -> int:
    """1 if something needed is missing."""
    return int(any(finding.needed and not finding.ok for finding in findings))
