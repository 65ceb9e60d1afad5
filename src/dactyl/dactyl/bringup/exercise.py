"""The graph that puts a robot through its exercise and records it, for `calibrate model`."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from dactyl.bringup import processes, shipped
from dactyl.bringup.calibrated import backlash_of, calibration_of
from dactyl.bringup.graph import Graph, Node, Value
from dactyl.bringup.options import ExerciseOptions
from dactyl.bringup.run import of_simulated_hand, with_simulated_hand
from dactyl.errors import DactylError
from dactyl.ranges import check_options
from dactyl.robot import robot as robots

PATIENCE = 30.0
"""s that the recorder has to write what still waits."""


def exercise_graph(options: ExerciseOptions, bag: Path) -> Graph:
    """Driver, exerciser and recorder, with the real robot or the simulated one.

    Raises:
        DactylError: an option asks for what cannot be had.
    """
    check_options(options)
    if options.calibration and not options.simulated:
        raise DactylError("a real robot has the model that it has: --calibration is for --simulated")
    if bag.exists():
        raise DactylError(f"cannot record to {bag}: it exists")
    robots.load(options.robot).check_calibratable()
    robot: dict[str, Value] = {"robot": options.robot}
    meaning: dict[str, Value] = {"action_origin": "middle", "action_scale": 1.0}
    slack = backlash_of(options.robot, options.calibration)
    record: dict[str, Value] = {"bag": str(bag.absolute()), "images": False}
    nodes = [
        Node("exerciser", {**robot, "steps": options.steps}, required=True, respawn=False),
        Node("action_filter", {**robot, **meaning, "smoothing": 1.0, **slack}),
        Node("hand_driver", {**robot, **meaning}),
        Node("recorder", record, required=True),
    ]
    if not options.simulated:
        return Graph(tuple(nodes), shipped.on_hardware(options.robot, options.config))
    sim: dict[str, Value] = {**robot, **meaning, "viewer": False, **calibration_of(options.calibration)}
    nodes.insert(0, Node("sim", sim, required=True))
    found = of_simulated_hand(shipped.in_simulation(options.config))
    return Graph(with_simulated_hand(nodes, options.robot), found)


def run(options: ExerciseOptions) -> int:
    """Exercise and record; the exit code. A bag of an exercise that failed is not kept."""
    bag = Path(options.bag or time.strftime("bags/exercise-%Y-%m-%d-%H-%M-%S"))
    code = processes.run(exercise_graph(options, bag), kill_after=PATIENCE)
    if code and bag.exists():
        shutil.rmtree(bag)
    if code == 0:
        print(f"./dactyl calibrate model {bag}")
    return code
