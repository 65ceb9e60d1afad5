"""latency: what a bag says about the age of what each action was decided on."""

from __future__ import annotations

from dactyl import topics
from dactyl.commands.arguments import BagPath, Json, Namespace, checked_namespace


def latency(bag: BagPath, /, each: bool = False, namespace: Namespace = topics.NAMESPACE, json: Json = None) -> None:
    """Show from a bag which readings each action used, how old they were, and when the hand got its targets.

    For example:
      ./dactyl latency bags/my_bag
      ./dactyl latency bags/my_bag --each --json latency.json
      ./dactyl latency bags/my_bag --namespace /left

    Args:
        each: a line for each action
    """
    from dactyl import results
    from dactyl.recording import latency

    if json:
        results.check_writable(json)
    report = latency.examine(bag, checked_namespace(namespace))
    if json:
        results.write(json, "latency", None, report.as_results())
    print(report.as_text(each))
