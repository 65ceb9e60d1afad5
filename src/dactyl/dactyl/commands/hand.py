"""hand …: what a person does while `./dactyl real` runs."""

from __future__ import annotations

from dactyl.commands.app import Commands

app = Commands()


@app.command
def enable() -> None:
    """Let the hand follow actions.

    For example:
      ./dactyl hand enable
    """
    _call("enable")


@app.command
def disable() -> None:
    """Hold the hand, then send nothing more.

    For example:
      ./dactyl hand disable
    """
    _call("disable")


@app.command
def stop() -> None:
    """Hold the hand until it is reset: the emergency stop.

    For example:
      ./dactyl hand stop
    """
    _call("stop")


@app.command
def reset() -> None:
    """Lift a stop. The hand does not move before it is enabled again.

    For example:
      ./dactyl hand reset
    """
    _call("reset")


def _call(what: str) -> None:
    from dactyl.monitoring import hand_services

    print(hand_services.call(what))
