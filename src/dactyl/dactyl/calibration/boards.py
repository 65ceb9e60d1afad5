"""The ChArUco board that cameras are calibrated with: to print, to find in pictures, to render where it is known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from dactyl.errors import DactylError

DICTIONARY = "DICT_5X5_100"
_PRINT = 8000.0  # pixels/m of the board's own picture: 200 dpi
_FINE = 2  # rays along each axis of a rendered pixel


class Corners(NamedTuple):
    """Inner corners of the chessboard that were found in a picture."""

    board: np.ndarray
    """(n, 3) in the board's frame: x right and y down from the printed board's upper left corner, m"""
    image: np.ndarray
    """(n, 2) pixels"""

    @property
    def on_one_line(self) -> bool:
        """Whether they are in one row, column or diagonal of the board, which does not say how it is turned."""
        flat = self.board[:, :2] - self.board[:, :2].mean(axis=0)
        most, least = np.linalg.svd(flat, compute_uv=False)
        return bool(least < 1e-3 * most)


@dataclass(frozen=True)
class Board:
    """A printed chessboard with ArUco markers in its white squares."""

    columns: int = 7
    rows: int = 5
    square: float = 0.03
    """m, side of a square."""
    marker: float = 0.022
    """m, side of a marker."""
    dictionary: str = DICTIONARY
    legacy: bool = False
    """As OpenCV printed boards before 4.6: with an even number of rows, the upper left square is white."""

    def __post_init__(self) -> None:
        if not (self.columns >= 3 and self.rows >= 3 and 0.0 < self.marker < self.square):
            raise DactylError("a board needs at least 3 x 3 squares, and markers smaller than the squares")
        if not self.dictionary.startswith("DICT_") or not hasattr(cv2.aruco, self.dictionary):
            raise DactylError(f"unknown ArUco dictionary {self.dictionary!r}, such as {DICTIONARY}")

    def charuco(self) -> cv2.aruco.CharucoBoard:
        """As OpenCV describes it."""
        dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, self.dictionary))
        board = cv2.aruco.CharucoBoard((self.columns, self.rows), self.square, self.marker, dictionary)
        board.setLegacyPattern(self.legacy)
        return board

    @property
    def size(self) -> tuple[float, float]:
        """Width and height, m."""
        return self.columns * self.square, self.rows * self.square

    def picture(self) -> np.ndarray:
        """(height, width) uint8, to print at 200 dpi: 8 pixels to a millimetre."""
        width, height = (round(_PRINT * side) for side in self.size)
        return self.charuco().generateImage((width, height))

    def find(self, image: np.ndarray) -> Corners | None:
        """The board's corners in a picture (height, width) or (height, width, 3); None where fewer than 6 are seen."""
        charuco = self.charuco()
        parameters = cv2.aruco.DetectorParameters()
        parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
        detector = cv2.aruco.CharucoDetector(charuco, detectorParams=parameters)
        corners, ids, _, _ = detector.detectBoard(image)
        if ids is None or len(ids) < 6:
            return None
        known = np.asarray(charuco.getChessboardCorners())[np.ravel(ids)]
        return Corners(known.astype(np.float64), np.reshape(corners, (-1, 2)).astype(np.float64))

    def render(
        self, matrix: np.ndarray, distortion: np.ndarray, rotation: np.ndarray, position: np.ndarray, width: int,
        height: int,
    ) -> np.ndarray:  # fmt: skip
        """The board as a camera sees it, on grey, exactly: every pixel's ray is followed to the board.

        Args:
            matrix: (3, 3) of the camera.
            distortion: plumb bob coefficients.
            rotation: (3, 3) turns board-frame vectors into the camera's optical frame.
            position: (3,) of the board's origin in the optical frame, m.
            width: pixels.
            height: pixels.

        Returns:
            (height, width) uint8.
        """
        directions = _rays(tuple(matrix.ravel()), tuple(distortion), width, height) @ rotation
        origin = -position @ rotation
        hits = origin + directions * (-origin[2] / directions[..., 2:])
        places = (hits[..., :2] * _PRINT - 0.5).astype(np.float32)
        seen = cv2.remap(
            self.picture(), places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
            borderValue=(170.0,),
        )  # fmt: skip
        return cv2.resize(seen, (width, height), interpolation=cv2.INTER_AREA)


@lru_cache(maxsize=2)
def _rays(matrix: tuple[float, ...], distortion: tuple[float, ...], width: int, height: int) -> np.ndarray:
    """(fine height, fine width, 3) directions in the optical frame that a camera's pixels see."""
    across, down = (np.arange(_FINE * side) / _FINE + (1.0 / _FINE - 1.0) / 2.0 for side in (width, height))
    pixels = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 1, 2)
    rays = cv2.undistortPoints(pixels, np.reshape(matrix, (3, 3)), np.array(distortion))
    return np.concatenate([rays, np.ones((len(rays), 1, 1))], axis=-1).reshape(len(down), len(across), 3)
