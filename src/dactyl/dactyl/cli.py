"""The commands: thin functions with typed arguments, imports inside, and DactylError for a user's mistake.

The front door's --help lists them by reading this file: a command is written as `@app.command` on the line above its
function, whose docstring starts with one line of summary and ends with examples; a group of commands is added by one
line, `app.command(group, name="vision", help="…")`. A command returns None or its exit code.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro
from tyro.extras import SubcommandApp

from dactyl.errors import DactylError

app = SubcommandApp()

Json = Annotated[Path | None, tyro.conf.arg(metavar="FILE", help="also write the results to this file, as JSON")]


@app.command
def doctor(json: Json = None) -> int:
    """Show what was found on this machine, and what is missing and how to get it.

    For example:
      ./dactyl doctor
      ./dactyl doctor --json doctor.json
    """
    from dactyl import doctor, results

    if json:
        results.check_writable(json)
    findings = doctor.examine()
    doctor.show(findings)
    if json:
        results.write(json, "doctor", None, doctor.as_results(findings))
    return doctor.exit_code(findings)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code: 0, 1 (a user's mistake, a failed run), 2 (a wrong argument), 130 (ctrl-C)."""
    try:
        code = app.cli(prog="dactyl", args=arguments)
    except DactylError as error:
        print(f"dactyl: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
