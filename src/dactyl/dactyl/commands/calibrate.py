"""calibrate …: fitting what is assumed about the laboratory to what was measured. Robots add what is theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from dactyl import topics
from dactyl.commands.app import Commands
from dactyl.commands.arguments import Json
from dactyl.errors import DactylError
from dactyl.ranges import Number, Positive, Range

Squares = Annotated[int, Range(2, 100)]

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
    written = calibration.write(out, fits)
    if json:
        results.write(json, "calibrate cameras", None, found)
    print("\n".join([calibration.as_text(found), *map(str, written)]))
