"""calibrate …: fitting what is assumed about the laboratory to what was measured. Robots add what is theirs."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Annotated, Literal

import tyro

from dactyl import topics
from dactyl.bringup.options import ExerciseOptions
from dactyl.commands.app import Commands
from dactyl.commands.arguments import FLAT, Json
from dactyl.environment.choices import RobotName
from dactyl.errors import DactylError
from dactyl.ranges import Count, Minutes, Number, Positive, Range, Seed, Threads
from dactyl.registry import DEFAULTS

Squares = Annotated[int, Range(2, 100)]
Noise = Annotated[float, Range(0.0, 1.0)]
"""rad"""

app = Commands()


@app.command
def cameras(
    pictures: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="PICTURES")] = None,
    /,
    out: Path = Path("config/calibration"),
    placed: str = "",
    position: tuple[Number, Number, Number] | None = None,
    quaternion: tuple[Number, Number, Number, Number] = (1.0, 0.0, 0.0, 0.0),
    columns: Squares = 7,
    rows: Squares = 5,
    square: Positive = 0.03,
    marker: Positive = 0.022,
    dictionary: str = "DICT_5X5_100",
    legacy_pattern: bool = False,
    print_board: Path | None = None,
    json: Json = None,
) -> None:
    """Find intrinsics and places of the three cameras from pictures of a ChArUco board.

    Writes ROS's camera_info YAML for each. PICTURES holds folders camera_0, camera_1, camera_2; pictures of the same
    name show the board at the same moment. For the cameras' places, name the moment in which the board lay where it is
    known.

    For example:
      ./dactyl calibrate cameras --print-board board.png
      ./dactyl calibrate cameras my_pictures
      ./dactyl calibrate cameras my_pictures --placed palm --position 0.1 -0.05 0.28 --quaternion 0.5 0.5 0.5 0.5

    Args:
        out: folder for camera_0.yaml and so on
        placed: name of the pictures in which the board lay at its known place
        position: of its upper left corner then, in the hand frame, m
        quaternion: of it then, (w, x, y, z): its x axis runs right and its y axis down along the print
        columns: squares of the board
        rows: squares of the board
        square: side of a square, m
        marker: side of a marker, m
        dictionary: of the markers, as OpenCV calls it
        legacy_pattern: the board was printed by OpenCV before 4.6, which with an even number of rows began with white
        print_board: write the board to this file instead, to print at 200 dpi
    """
    from dactyl import results
    from dactyl.calibration import cameras as calibration
    from dactyl.calibration.boards import Board
    from dactyl.robot import robot as robots
    from dactyl.status_line import StatusLine
    from dactyl.storage import pictures as files

    board = Board(columns, rows, square, marker, dictionary, legacy_pattern)
    if print_board:
        files.write(print_board, board.picture())
        print(f"{print_board}: {1000 * board.size[0]:g} x {1000 * board.size[1]:g} mm at 200 dpi")
        return
    if pictures is None:
        raise DactylError("name the folder with the pictures, or --print-board")
    if bool(placed) != (position is not None):
        raise DactylError("the cameras' places need both --placed and --position")
    if json:
        results.check_writable(json)
    placed_at = calibration.Pose.of(position, quaternion) if position else None
    with StatusLine("calibrating the cameras"):
        seen = calibration.read_pictures(pictures, list(topics.CAMERAS))
        fits = calibration.calibrate(seen, board, placed, placed_at)
    found = calibration.results(fits)
    written = calibration.write(out, fits)
    if json:
        results.write(json, "calibrate cameras", None, found)
    off = calibration.off_places(fits, robots.load(DEFAULTS["robots"]))
    print("\n".join([calibration.as_text(found), *off, *map(str, written)]))


@app.command
def exercise(options: Annotated[ExerciseOptions, FLAT, tyro.conf.FlagCreatePairsOff]) -> int:
    """Run the robot's joints to their limits and let them oscillate, finger by finger, and record it as a bag.

    It takes a few minutes. The hand must be empty and free to move. A real one does not move until it is enabled:
    `./dactyl hand enable`.

    For example:
      ./dactyl calibrate exercise --bag bags/exercise
      ./dactyl calibrate exercise --simulated --calibration hidden.yaml
    """
    from dactyl.bringup.exercise import run

    return run(options)


@app.command
def model(
    recording: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="RECORDING")] = None,
    /,
    out: Path = Path("model.yaml"),
    plot: Path | None = None,
    method: Literal["descent", "autotune", "least-squares", "all"] = "descent",
    minutes: Minutes = inf,
    population: Count = 256,
    parameters: Annotated[tuple[str, ...], tyro.conf.arg(metavar="KIND…")] = (),
    synthetic: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    noise: Noise = 0.005,
    truth: Path | None = None,
    save: Path | None = None,
    robot: RobotName = DEFAULTS["robots"],
    seed: Seed = 0,
    threads: Threads = 0,
    json: Json = None,
) -> None:
    """Fit the parameters of the simulated robot's model to its recorded motion (appendix C.3).

    RECORDING is a bag of `calibrate exercise`. It is replayed in simulation, second by second, until the joint angles
    after each second are those measured. The file that comes out is the key `scene.calibration` of presets.

    For example:
      ./dactyl calibrate model bags/exercise --out model.yaml --plot model.png --json model.json
      ./dactyl calibrate model bags/exercise --method least-squares --minutes 5
      ./dactyl calibrate model --synthetic --method all --truth hidden.yaml
      ./dactyl calibrate model --synthetic --robot gr1_right --method autotune --parameters damping gain k b

    Args:
        recording: a bag, or a file of --save
        out: calibration to write
        plot: also draw errors and changes, as PNG
        method: coordinate descent as in the paper, autotune's random population, SciPy's least squares, or all of them
        minutes: after so many a method stops with what it has
        population: of autotune
        parameters: kinds of them that are sought, such as `damping gain`; others stay as the model has them
        synthetic: in place of a recording, a simulated robot with hidden parameters
        noise: of its joint sensors, rad
        truth: also write its hidden parameters
        save: also write its recording
        robot: that is simulated
        seed: of the hidden parameters, the noise and what autotune draws
        threads: CPU threads, 0 for all cores
    """
    from dactyl.calibration.model.command import Choice, run
    from dactyl.calibration.model.space import PARAMETERS

    if (recording is None) == (not synthetic):
        raise DactylError("name either a RECORDING or --synthetic")
    if not synthetic and (truth or save):
        raise DactylError("--truth and --save are for --synthetic: nobody knows the truth of a recording")
    run(
        Choice(
            recording,
            out,
            plot,
            method,
            60.0 * minutes,
            population,
            parameters or PARAMETERS,
            noise,
            truth,
            save,
            robot,
            seed,
            threads,
            json,
        )
    )
