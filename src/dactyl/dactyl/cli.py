"""The command line, composed of the commands in `commands`.

A command is a thin function with typed arguments, imports inside, and DactylError for a user's mistake. Its docstring
begins with one line of summary and ends with examples. It returns None or its exit code.

The front door's --help lists the commands by reading this file without starting Python: one line each, a command's
summary from its docstring, a group's from here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from dactyl.commands import (
    bench,
    calibrate,
    dataset,
    diagnosis,
    environment,
    evaluation,
    extras,
    farm,
    hand,
    latency,
    of_robots,
    recording,
    reproduction,
    run,
    training,
    views,
    vision,
)
from dactyl.commands.app import NUMBERS, Commands
from dactyl.commands.output import patient_output
from dactyl.errors import DactylError, WrongArgumentError

GROUPS = {"hand": hand.app, "vision": vision.app, "calibrate": calibrate.app, "dataset": dataset.app}
"""Groups that a robot may add its own commands to."""

app = Commands()
app.command(name="sim")(run.sim)
app.command(name="real")(run.real)
app.command(name="doctor")(diagnosis.doctor)
app.command(name="train")(training.train)
app.command(name="demonstrate")(training.demonstrate)
app.command(name="imitate")(training.imitate)
app.command(name="evaluate")(evaluation.evaluate)
app.command(name="film")(evaluation.film)
app.command(name="curves")(training.curves)
app.command(name="export")(training.export_policy)
app.command(name="reproduce")(reproduction.reproduce)
app.command(environment.app, name="env", help="Look at the simulated environments.")
app.command(bench.app, name="bench", help="Measure how fast the parts are.")
app.command(hand.app, name="hand", help="Enable, disable, stop or reset the real hand.")
app.command(name="record")(recording.record)
app.command(vision.app, name="vision", help="Estimate the object's pose from images: train, measure.")
app.command(calibrate.app, name="calibrate", help="Fit what is assumed about the robot to what was measured.")
app.command(name="replay")(recording.replay)
app.command(name="report")(recording.report)
app.command(dataset.app, name="dataset", help="Make vision test sets of bags, check and show them.")
app.command(recording.bag, name="bag", help="Look into recorded bags, and recover damaged ones.")
app.command(name="latency")(latency.latency)
app.command(farm.app, name="farm", help="Robots as a service: serve them, send policies, fetch results.")
app.command(name="views")(views.views)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code.

    0; 1: a user's mistake, a failed run, output that could not be written; 2: a wrong argument; 130: ctrl-C.
    """
    if sys.platform == "linux":
        os.environ.setdefault("MUJOCO_GL", "egl")  # as the front door: pictures without a display
    os.environ["MPLBACKEND"] = "agg"  # pictures go to files only, whatever a notebook or a typing error left there
    helped: SystemExit | None = None
    with patient_output() as output:
        try:
            code = _run(sys.argv[1:] if arguments is None else arguments)
        except SystemExit as end:  # tyro's, after --help or a wrong argument
            helped, code = end, 0
        output.flush()
        if output.failure:
            print(f"dactyl: cannot write to standard output: {output.failure.strerror}", file=sys.stderr)
            return code or 1
    if helped:
        raise helped
    return code


def _run(arguments: Sequence[str]) -> int:
    try:
        if arguments and arguments[0] in GROUPS:
            of_robots.add(GROUPS)  # not before it is needed: a robot's data takes numpy
        code = app.cli(prog="dactyl", args=arguments, registry=NUMBERS)
    except ModuleNotFoundError as error:
        if not (remedy := extras.remedy(error)):
            raise
        print(f"dactyl: {remedy}", file=sys.stderr)
        return 1
    except DactylError as error:
        print(f"dactyl: {error}", file=sys.stderr)
        return 2 if isinstance(error, WrongArgumentError) else 1
    except KeyboardInterrupt:
        return 130
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
