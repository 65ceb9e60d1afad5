"""sim, real: the whole graph, with a simulated or the real robot."""

from __future__ import annotations

from typing import Annotated

import tyro

from dactyl.bringup.options import RealOptions, SimOptions
from dactyl.commands.arguments import FLAT


def sim(options: Annotated[SimOptions, FLAT, tyro.conf.FlagCreatePairsOff]) -> int:
    """Run trials with a simulated hand: the whole ROS graph, until the trials are done or ctrl-C.

    A window shows the simulated hand where there is a display; --headless does without.

    For example:
      ./dactyl sim
      ./dactyl sim --headless --trials 3 --json sim.json
      ./dactyl sim --headless --trials 10 --lockstep --seed 1
    """
    from dactyl.bringup import processes
    from dactyl.bringup.run import sim_graph

    return processes.run(sim_graph(options))


def real(options: Annotated[RealOptions, FLAT, tyro.conf.FlagCreatePairsOff]) -> int:
    """Run trials with the real hand: the whole ROS graph with the settings of config/real.yaml, or of its own robot's.

    The hand does not move until `./dactyl hand enable` lets it. With --emulate everything runs without a lab:
    pylon's emulated cameras, a simulated hand and markers.

    For example:
      ./dactyl real --trials 10 --json real.json
      ./dactyl real --emulate --trials 2 --json real.json
    """
    from dactyl.bringup import processes
    from dactyl.bringup.run import real_graph

    return processes.run(real_graph(options))
