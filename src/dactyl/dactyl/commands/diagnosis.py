"""doctor: what this machine has."""

from __future__ import annotations

from dactyl.commands.arguments import Json


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
    if json:
        results.write(json, "doctor", None, doctor.as_results(findings))
    doctor.show(findings)
    return doctor.exit_code(findings)
