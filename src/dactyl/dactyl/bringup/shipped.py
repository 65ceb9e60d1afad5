"""The parameter files that come with dactyl, each with a person's own, if there is one, laid over it."""

from __future__ import annotations

from pathlib import Path

from dactyl import registry
from dactyl.bringup import configuration
from dactyl.errors import DactylError
from dactyl.storage.shared import shared
from dactyl.topics import NAMESPACE

SIMULATION, HARDWARE = "sim.yaml", "real.yaml"


def in_simulation(config: str, namespace: str = NAMESPACE) -> configuration.Configuration:
    """The parameters in simulation, which are the same for any robot.

    Args:
        config: a person's file; empty: there is none.
        namespace: that the nodes run in.

    Raises:
        DactylError: a file cannot be read.
    """
    return _under(shared("config", SIMULATION), config, namespace)


def on_hardware(robot: str, config: str, namespace: str = NAMESPACE) -> configuration.Configuration:
    """The parameters for a real robot.

    The default robot's file is in the folder config, where a laboratory edits it. Another's is in the robot's own
    folder: one robot's limits, markers and topics are wrong for the next.

    Args:
        robot: its name.
        config: a laboratory's file; empty: there is none.
        namespace: that the nodes run in.

    Raises:
        DactylError: a file cannot be read; nothing says what the robot may do.
    """
    file = shared("config", HARDWARE) if robot == registry.DEFAULTS["robots"] else _in_folder_of(robot)
    if file is not None:
        return _under(file, config, namespace)
    if not config:
        raise DactylError(
            f"what the robot {robot} may do on hardware is said nowhere: its folder has no {HARDWARE}: name a file of "
            "parameters with `config`"
        )
    return configuration.read(Path(config), namespace)


def _in_folder_of(robot: str) -> Path | None:
    folder = registry.folder("robots", robot)
    return folder / HARDWARE if folder is not None and (folder / HARDWARE).is_file() else None


def _under(file: Path, config: str, namespace: str) -> configuration.Configuration:
    """A shipped file, with a person's laid over it."""
    found = configuration.read(file)
    return configuration.merge(found, configuration.read(Path(config), namespace)) if config else found
