"""C3D files of other programs."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import c3d
import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.hardware import c3d_file
from dactyl.hardware.replay import read_c3d
from tests.hardware.c3d_files import DEC, IDS, INTEL, MIPS, labelled, points, write


@pytest.mark.parametrize("processor", [INTEL, DEC, MIPS])
@pytest.mark.parametrize("scale", [-0.1, 0.05])
@pytest.mark.parametrize("analog", [0, 4])
def test_files_of_every_processor_say_the_same(tmp_path: Path, processor: int, scale: float, analog: int) -> None:
    """Protects recordings of old systems: three ways to write numbers, as fractions or scaled whole ones."""
    data = points(7)
    data[2, 3] = [0.0, 0.0, 0.0, -1.0]
    path = write(tmp_path / "a.c3d", data, labelled(), processor, scale, analog=analog)
    found = c3d_file.read(path)
    np.testing.assert_allclose(found.positions, data[..., :3], rtol=1e-6)
    assert found.labels == labelled()
    assert (found.rate, found.unit, found.problems) == (240.0, "mm", [])
    assert np.argwhere(~found.seen).tolist() == [[2, 3]]


def test_another_reader_finds_the_same(tmp_path: Path) -> None:
    """Protects this file's own writer and reader from agreeing on a mistake."""
    data = points(5)
    path = write(tmp_path / "a.c3d", data, labelled(), more={"ANALOG": {"USED": np.array(0, "i2")}})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frames = [frame for _, frame, _ in c3d.Reader(io.BytesIO(path.read_bytes())).read_frames()]
    np.testing.assert_allclose(np.array(frames)[..., :3], c3d_file.read(path).positions)


def words(number: int) -> np.ndarray:
    """As ACTUAL_END_FIELD has it: two words, the lower first."""
    return np.array([number & 0xFFFF, number >> 16], "u2")


def counted(**parameters: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """Parameters that count frames, in their groups."""
    trial = {name: value for name, value in parameters.items() if name.startswith("ACTUAL")}
    return {"POINT": {name: parameters[name] for name in parameters.keys() - trial.keys()}, "TRIAL": trial}


OVER = 70000 & 0xFFFF
LONG: dict[str, dict[str, Any]] = {
    "nothing says it": {},
    "LONG_FRAMES": {"more": counted(LONG_FRAMES=np.array(70000.0, "f4"))},
    "FRAMES as a fraction": {"more": counted(FRAMES=np.array(70000.0, "f4"))},
    "ACTUAL_END_FIELD": {"more": counted(ACTUAL_START_FIELD=words(1), ACTUAL_END_FIELD=words(70000))},
    "a trial that starts late": {"more": counted(ACTUAL_START_FIELD=words(1001), ACTUAL_END_FIELD=words(71000))},
    "a header that ran over": {"last": OVER, "more": counted(FRAMES=np.array(OVER, "u2"))},
    "a header of zeros": {"last": 0, "more": counted(FRAMES=np.array(0, "u2"), LONG_FRAMES=np.array(7e4, "f4"))},
}


@pytest.mark.parametrize("how", LONG)
def test_recordings_of_more_than_65535_frames_are_whole(tmp_path: Path, how: str) -> None:
    """Protects five minutes at 240 Hz: a header cannot count them."""
    found = c3d_file.read(write(tmp_path / "a.c3d", points(70000, 1), ["M000"], **LONG[how]))
    assert found.positions.shape == (70000, 1, 3)
    assert np.isclose(found.positions[-1, 0, 2], 100.0 + 69999 % 1000)


@pytest.mark.parametrize("frames", [65534, 65535, 65536])
def test_the_header_counts_to_its_end(tmp_path: Path, frames: int) -> None:
    """Protects from a sign or a step at the edge."""
    assert len(c3d_file.read(write(tmp_path / "a.c3d", points(frames, 1), ["M000"])).positions) == frames


def test_a_file_that_was_cut_gives_its_whole_frames(tmp_path: Path) -> None:
    """Protects what is left of a copy; it is said how much that is."""
    for frames, how in ((200, "nothing says it"), (70000, "LONG_FRAMES")):
        path = write(tmp_path / "a.c3d", points(frames, 1), ["M000"], **LONG[how])
        raw = path.read_bytes()
        path.write_bytes(raw[: 1024 + 16 * (frames - 60) + 5])
        recording = read_c3d(path)
        assert len(recording.frames) == frames - 60
        assert recording.problems == [f"a.c3d: it ends after {frames - 60} of {frames} frames"]


def test_data_that_no_frame_accounts_for_is_told(tmp_path: Path) -> None:
    """Protects from half a recording that looks whole."""
    more = counted(FRAMES=np.array(100, "u2"))
    path = write(tmp_path / "a.c3d", points(500, 1), ["M000"], last=100, more=more)
    found = c3d_file.read(path)
    assert len(found.positions) == 100
    assert found.problems == ["after its 100 frames there are 6592 bytes more, which are not read"]


@pytest.mark.parametrize(
    ("labels", "count", "ids"),
    [
        ([*labelled(), "*20", "*21", "angle110"], 9, list(IDS)),
        (None, 9, list(range(9))),
        ([""] * 9, 9, list(range(9))),
        (["thumb", "M001", "", "M003"], 5, [0, 1, 2, 3, 4]),
        (["M001", ""], 2, [1, 2]),
        ([f"L{i:03d}" for i in range(300)], 300, list(range(300))),
    ],
    ids=["more than points", "none", "empty", "fewer", "one taken", "LABELS2"],
)
def test_labels_may_be_more_or_fewer_than_points(
    tmp_path: Path, labels: list[str] | None, count: int, ids: list[int]
) -> None:
    """Protects files whose labels name what is not there, or not all that is: a point without one has its place."""
    recording = read_c3d(write(tmp_path / "a.c3d", points(3, count), labels))
    assert [marker.id for marker in recording.frames[0]] == ids


@pytest.mark.parametrize(
    ("unit", "metres"),
    [
        ("MM", 1e-3), ("mm\0\0", 1e-3), ("mm  ", 1e-3), ("m", 1.0), ("Meters", 1.0), ("CM", 1e-2), ("inches", 0.0254),
        ("in", 0.0254), ("ft", 0.3048), ("", 1e-3), (None, 1e-3),
    ],
)  # fmt: skip
def test_units_are_read_however_they_are_written(tmp_path: Path, unit: str | None, metres: float) -> None:
    """Protects from a hand that is a thousand times too large; without a unit it is the format's own, and is said."""
    recording = read_c3d(write(tmp_path / "a.c3d", points(3), labelled(), units=unit))
    assert recording.frames[0][0].position == pytest.approx((30 * metres, -44 * metres, 100 * metres))
    assert bool(recording.problems) == (not unit)


def test_points_that_are_not_finite_are_not_seen(tmp_path: Path) -> None:
    """Protects from positions that are no numbers."""
    data = points(3)
    data[1, 0, 2], data[1, 1, 3], data[1, 2, 0] = np.nan, np.nan, np.inf
    recording = read_c3d(write(tmp_path / "a.c3d", data, labelled()))
    assert [marker.condition for marker in recording.frames[1]] == [-1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert recording.problems == []
    data[..., 0] = np.nan
    assert read_c3d(write(tmp_path / "a.c3d", data, labelled())).problems == ["a.c3d has no point that is seen"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": 0.0}, "has no frame rate"),
        ({"rate": float("nan")}, "has no frame rate"),
        ({"units": "furlong"}, "unknown unit of length: 'furlong'"),
        ({"data": np.zeros((5, 0, 4)), "analog": 4}, "has no points"),
        ({"data": np.zeros((0, 9, 4))}, "its data is missing"),
        ({"labels": ["A1", "B1", *labelled()[2:]]}, "do not tell its 9 points apart"),
        ({"scale": float("nan")}, "its scale is nan"),
        ({"processor": 90}, "its processor type is 90"),
    ],
    ids=str,
)
def test_files_that_cannot_be_used_are_refused_with_the_reason(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    """Protects from guesses: of a rate, of a unit, of who is who."""
    options = {"data": points(5), "labels": labelled(), **change}
    with pytest.raises(DactylError, match=message):
        read_c3d(write(tmp_path / "a.c3d", **options))


def test_what_only_the_header_says_is_enough(tmp_path: Path) -> None:
    """Protects files of early programs, which had few parameters."""
    path = write(tmp_path / "a.c3d", points(5), labelled(), leave_out=("USED", "SCALE", "RATE", "FRAMES", "DATA_START"))
    found = c3d_file.read(path)
    assert (found.positions.shape, found.rate, found.problems) == ((5, 9, 3), 240.0, [])
