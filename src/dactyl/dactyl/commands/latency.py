"""latency: what a bag says about the age of what each action was decided on."""

from __future__ import annotations

from dactyl.commands.arguments import BagPath, Json


def latency(bag: BagPath, /, each: bool = False, json: Json = None) -> None:
    """Show from a bag which readings each action used, how old they were, and when the hand got its targets.

    For example:
      ./dactyl latency bags/my_bag
      ./dactyl latency bags/my_bag --each --json latency.json

    Args:
        each: a line for each action
    """
    from dactyl import results
    from dactyl.recording import latency

    if json:
        results.check_writable(json)
    report = latency.examine(bag)
    if json:
        results.write(json, "latency", None, report.as_results())
    print(report.as_text(each))
