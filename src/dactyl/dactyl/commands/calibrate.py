"""calibrate …: fitting what is assumed about the hand and its sensors to what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from tyro.extras import SubcommandApp

from dactyl import topics
from dactyl.errors import DactylError

if TYPE_CHECKING:
    from dactyl.robot.markers import MarkerLayout

app = SubcommandApp()

Json = Annotated[Path | None, tyro.conf.arg(metavar="FILE", help="also write the results to this file, as JSON")]


@app.command(name="joints")
def joints(
    bag: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="BAG")] = None,
    /,
    factory: Path | None = None,
    out: Path = Path("calibration.yaml"),
    plot: Path | None = None,
    sensors: str = "/joint_sensors",
    markers: str = topics.absolute(topics.MARKERS),
    config: Path | None = None,
    moments: int = 1000,
    synthetic: bool = False,
    seed: int = 0,
    json: Json = None,
) -> None:
    """Refine the calibration of the joint sensors against motion capture of the fingertips, from a recorded bag.

    Reads and writes Shadow's own calibration file: 3 to 5 truth points [raw, degrees] a joint. Appendix B.5.

    For example:
      ./dactyl calibrate joints my_bag --factory calibration.yaml --out refined.yaml --plot refined.png
      ./dactyl calibrate joints my_bag --factory calibration.yaml --sensors /rh/debug_etherCAT_data
      ./dactyl calibrate joints --synthetic --seed 1 --json joints.json

    Args:
        bag: with raw sensors and markers; docs/calibration.md says how to record it
        factory: calibration to begin with (sr_calibrations)
        out: calibration to write
        plot: also draw the curves and errors, as PNG
        sensors: topic of the raw readings: JointState by sensor's name, or Shadow's EthercatDebug
        markers: topic of the markers
        config: parameter file with the marker table; config/real.yaml by default
        moments: at most so many, evenly spread over the bag
        synthetic: in place of a bag, a simulated hand of known truth with the paper's noise
        seed: of the synthetic hand
    """
    from dactyl import results
    from dactyl.robots.shadow.calibration import joint_bag, joint_report
    from dactyl.robots.shadow.calibration import synthetic as hands
    from dactyl.robots.shadow.calibration.hall import load, save
    from dactyl.robots.shadow.calibration.joints import Kinematics, calibrate
    from dactyl.simulation.scene import build

    if (bag is None) == (not synthetic) or (bag is None) != (factory is None):
        raise DactylError("name either a BAG and its --factory calibration, or --synthetic")
    for path in filter(None, (out, plot, json)):
        results.check_writable(path)
    scene, known = build(), None
    if bag and factory:
        curves = load(factory)
        recording = joint_bag.read(bag, _marker_layout(config), sensors, markers, moments)
    else:
        known = hands.record(scene, seed, moments)
        curves, recording = known.factory, known.recording
    fit = calibrate(scene, curves, recording)
    found = joint_report.results(fit)
    if known:
        found["truth"] = joint_report.against_truth(Kinematics(scene), fit, known)
    print(joint_report.as_text(found))
    save(out, fit.calibrated.curves, "refined against motion capture by dactyl calibrate joints; degrees")
    print(out)
    if plot:
        joint_report.plot(plot, fit, known.truth if known else None)
        print(plot)
    if json:
        results.write(json, "calibrate joints", seed if synthetic else None, found)


@app.command(name="cameras")
def cameras(
    pictures: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="PICTURES")] = None,
    /,
    out: Path = Path("config/calibration"),
    placed: str = "",
    position: tuple[float, float, float] | None = None,
    quaternion: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0),
    columns: int = 7,
    rows: int = 5,
    square: float = 0.03,
    marker: float = 0.022,
    dictionary: str = "DICT_5X5_100",
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
        print_board: write the board to this file instead, to print at 200 dpi
    """
    import cv2

    from dactyl import results
    from dactyl.calibration import cameras as calibration
    from dactyl.calibration.boards import Board

    board = Board(columns, rows, square, marker, dictionary)
    if print_board:
        if not cv2.imwrite(str(print_board), board.picture()):
            raise DactylError(f"cannot write {print_board}")
        print(f"{print_board}: {1000 * board.size[0]:g} x {1000 * board.size[1]:g} mm at 200 dpi")
        return
    if pictures is None:
        raise DactylError("name the folder with the pictures, or --print-board")
    if bool(placed) != (position is not None):
        raise DactylError("the cameras' places need both --placed and --position")
    if json:
        results.check_writable(json)
    placed_at = calibration.Pose.of(position, quaternion) if position else None
    fits = calibration.calibrate(calibration.read_pictures(pictures, list(topics.CAMERAS)), board, placed, placed_at)
    found = calibration.results(fits)
    print(calibration.as_text(found))
    for path in calibration.write(out, fits):
        print(path)
    if json:
        results.write(json, "calibrate cameras", None, found)


def _marker_layout(config: Path | None) -> MarkerLayout:
    """The marker table of a parameter file."""
    import numpy as np
    import yaml

    from dactyl.bringup.graph import NAMESPACE
    from dactyl.robot.markers import MarkerLayout
    from dactyl.storage.shared import shared

    path = config or shared("config", "real.yaml")
    try:
        table: dict[str, Any] = yaml.safe_load(path.read_text())[NAMESPACE]["fingertip_tracker"]["ros__parameters"]
        base, on_object = (np.reshape(table[f"{name}_positions"], (-1, 3)) for name in ("base", "object"))
        ids = (table[f"{name}_ids"] for name in ("fingertip", "base", "object"))
    except OSError as error:
        raise DactylError(f"cannot read the parameters {path}: {error.strerror}") from error
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise DactylError(f"{path} has no marker table of the fingertip tracker: {error}") from error
    fingertips, base_ids, object_ids = ids
    return MarkerLayout(fingertips, base_ids, base, object_ids, on_object)
