"""Shadow's calibration of its Hall sensors: raw readings and degrees at the truth points of each joint (appendix B.5).

The file is Shadow's own, so that what was calibrated goes straight into its driver:

    sr_calibrations: [["FFJ1", [[raw, deg], …]], …]
    sr_calibrations_coupled: [[["THJ1", "THJ2"], [[[raw1, raw2], deg1, deg2], …]], …]

Names may have the hand's prefix (rh_FFJ1). What is not of the 24 joints is kept and written back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from dactyl.errors import DactylError
from dactyl.robots.shadow.calibration.truth_points import Curve, Surface
from dactyl.robots.shadow.joints import JOINTS
from dactyl.storage.documents import read_yaml
from dactyl.storage.files import write_atomically

SENSORS: tuple[str, ...] = (
    *(f"{finger}J{number}" for finger in ("FF", "MF", "RF") for number in (1, 2, 3, 4)),
    *(f"LFJ{number}" for number in (1, 2, 3, 4, 5)),
    "THJ1", "THJ2", "THJ3", "THJ4", "THJ5A", "THJ5B", "WRJ1A", "WRJ1B", "WRJ2",
)  # fmt: skip
"""The 26 sensors in the order of Shadow's EtherCAT message."""

COMPOUND = {"THJ5": ("THJ5A", "THJ5B"), "WRJ1": ("WRJ1A", "WRJ1B")}
"""Joints with two sensors, whose mean is their raw reading."""

ALONE, COUPLED = "sr_calibrations", "sr_calibrations_coupled"
_NAME = re.compile(r"(?:.*_)?([A-Z]{2}J\d[AB]?)")
_SHAPES = {
    ALONE: f'{ALONE} must be a list of ["FFJ1", [[raw, deg], …]]',
    COUPLED: f'{COUPLED} must be a list of [["THJ1", "THJ2"], [[[raw1, raw2], deg1, deg2], …]]',
}


@dataclass(frozen=True)
class Calibration(Mapping[str, Curve | Surface]):
    """A calibration file: a curve, or a share in a surface, for each of the 24 joints; and what else it holds."""

    tables: Mapping[str, Curve | Surface]
    """By joint, the hand.joints.JOINTS and any others, in the file's order."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What the file calls a joint, where it has a prefix."""
    others: Mapping[str, Any] = field(default_factory=dict)
    """What the file says beside."""

    def __getitem__(self, joint: str) -> Curve | Surface:
        return self.tables[joint]

    def __iter__(self) -> Iterator[str]:
        return iter(JOINTS)

    def __len__(self) -> int:
        return len(JOINTS)

    def replaced(self, tables: Mapping[str, Curve | Surface]) -> Calibration:
        """The same with some joints calibrated anew."""
        return Calibration({**self.tables, **tables}, self.names, self.others)


def joint_readings(sensors: Mapping[str, float]) -> np.ndarray:
    """(24,) raw reading of each joint, hand.joints.JOINTS order, from readings by sensor's (or joint's) name.

    Raises:
        DactylError: one is missing.
    """
    found = []
    for joint in JOINTS:
        parts = COMPOUND.get(joint, (joint,)) if joint not in sensors else (joint,)
        if any(part not in sensors for part in parts):
            raise DactylError(f"there is no raw reading of {' and '.join(parts)}")
        found.append(sum(float(sensors[part]) for part in parts) / len(parts))
    return np.array(found)


def readings_for(table: Curve | Surface, joint: str, raw: np.ndarray) -> np.ndarray:
    """What a joint's table takes of the raw readings (n, 24) of all: (n,) its own, or (n, 2) those it is coupled to."""
    if isinstance(table, Surface):
        return raw[:, [JOINTS.index(sensor) for sensor in table.sensors]]
    return raw[:, JOINTS.index(joint)]


def load(path: Path) -> Calibration:
    """Read a calibration.

    Raises:
        DactylError: it cannot be read, lacks a joint, or a joint has wrong points.
    """
    content = read_yaml(path, "the calibration")
    if not isinstance(content, dict) or ALONE not in content:
        raise DactylError(f"{path} is no calibration: {_SHAPES[ALONE]}")
    tables: dict[str, Curve | Surface] = {}
    names: dict[str, str] = {}
    for written, points in _entries(path, content, ALONE):
        joint = _joint(path, written, names)
        _add(path, tables, joint, _curve(path, written, points))
    for pair, points in _entries(path, content, COUPLED):
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise DactylError(f"{path} is no calibration: {_SHAPES[COUPLED]}")
        first, second = (_joint(path, written, names) for written in pair)
        if len({first, second, *JOINTS}) != len(JOINTS) or first == second:
            raise DactylError(f"{path}: {pair[0]} and {pair[1]} are not two joints of the hand")
        for joint, surface in zip((first, second), _surfaces(path, (first, second), points), strict=True):
            tables.pop(joint, None)  # Shadow's driver takes the coupled table where there are both
            tables[joint] = surface
    if missing := [joint for joint in JOINTS if joint not in tables]:
        raise DactylError(f"the calibration {path} lacks {', '.join(missing)}")
    others = {key: value for key, value in content.items() if key not in (ALONE, COUPLED)}
    return Calibration(tables, {joint: name for joint, name in names.items() if joint != name}, others)


def _entries(path: Path, content: Mapping[str, Any], key: str) -> list[tuple[Any, Any]]:
    try:
        return [(name, points) for name, points in content.get(key) or []]
    except (TypeError, ValueError) as error:
        raise DactylError(f"{path} is no calibration: {_SHAPES[key]}") from error


def _joint(path: Path, written: Any, names: dict[str, str]) -> str:
    """The joint that a name of the file means; names so far by joint are added to."""
    match = _NAME.fullmatch(str(written))
    joint = match.group(1) if match else str(written)
    if names.setdefault(joint, str(written)) != str(written):
        raise DactylError(f"{path} calibrates {names[joint]} and {written}: one hand a file")
    return joint


def _add(path: Path, tables: dict[str, Curve | Surface], joint: str, curve: Curve) -> None:
    before = tables.setdefault(joint, curve)
    if not (np.array_equal(before.raw, curve.raw) and np.array_equal(before.angles, curve.angles)):
        raise DactylError(f"{path} calibrates {joint} twice, and differently")


def _numbers(path: Path, what: str, points: Any, columns: int, least: int, shape: str) -> np.ndarray:
    """(k, columns) finite numbers."""
    try:
        found = np.array(points, dtype=float)
    except (TypeError, ValueError, OverflowError):
        found = np.empty(0)
    if found.ndim != 2 or found.shape[1] != columns or len(found) < least or not np.isfinite(found).all():
        raise DactylError(f"{path}: {what} must have at least {least} finite points {shape}")
    return found


def _curve(path: Path, joint: Any, points: Any) -> Curve:
    found = _numbers(path, str(joint), points, 2, 2, "[raw, degrees]")
    found = found[np.argsort(found[:, 0])]
    if not (np.diff(found[:, 0]) > 0).all():
        raise DactylError(f"{path}: {joint} has two points with the same raw reading")
    return Curve(found[:, 0], np.radians(found[:, 1]))


def _surfaces(path: Path, pair: tuple[str, str], points: Any) -> tuple[Surface, Surface]:
    what = " and ".join(pair)
    try:
        rows = [[*raw, *degrees] for raw, *degrees in points]
    except (TypeError, ValueError):
        rows = []
    found = _numbers(path, what, rows, 4, 3, "[[raw, raw], degrees, degrees]")
    if len(np.unique(found[:, :2], axis=0)) < len(found):
        raise DactylError(f"{path}: {what} have two points with the same raw readings")
    first, second = (Surface(found[:, :2], np.radians(found[:, column]), pair) for column in (2, 3))
    try:
        first.check()
    except ValueError as error:
        raise DactylError(f"{path}: the points of {what} {error}") from error
    return first, second


def save(path: Path, tables: Mapping[str, Curve | Surface], comment: str) -> None:
    """Write a calibration in Shadow's format, with all that a loaded one held.

    Raises:
        DactylError: it cannot be written.
    """
    held = tables if isinstance(tables, Calibration) else Calibration(tables)
    called = {joint: held.names.get(joint, joint) for joint in held.tables}
    alone, coupled = [], {}
    for joint, table in held.tables.items():
        if isinstance(table, Curve):
            points = (f"[{_text(raw)}, {_text(deg)}]" for raw, deg in as_points(table))
            alone.append(f'["{called[joint]}", [{", ".join(points)}]],')
        elif joint == table.sensors[0]:
            partner = held.tables[table.sensors[1]]
            rows = zip(table.raw.tolist(), np.degrees(table.angles), np.degrees(partner.angles), strict=True)
            points = (f"[[{_text(a)}, {_text(b)}], {_text(one)}, {_text(two)}]" for (a, b), one, two in rows)
            names = ", ".join(f'"{called[sensor]}"' for sensor in table.sensors)
            coupled[table.sensors] = f"[[{names}], [{', '.join(points)}]],"
    lines = [f"# {comment}", f"{ALONE}: [", *alone, "]"]
    if coupled:
        lines += ["", f"{COUPLED}: [", *coupled.values(), "]"]
    if held.others:
        lines += ["", yaml.safe_dump(dict(held.others), sort_keys=False, allow_unicode=True).rstrip()]
    try:
        write_atomically(path, "\n".join([*lines, ""]))
    except OSError as error:
        raise DactylError(f"cannot write {path}: {error.strerror}") from error


def _text(number: float) -> str:
    """A number with its point, which Shadow's driver wants: what a file said as it said it, others to 4 digits."""
    digits = next((digits for digits in range(1, 8) if abs(round(number, digits) - number) < 1e-9), 4)
    return f"{number:.{digits}f}"


def as_points(table: Curve | Surface) -> list[list[float]]:
    """[raw, degrees] or [raw, raw, degrees] of each truth point."""
    return np.column_stack([table.raw, np.degrees(table.angles)]).tolist()


def as_results(tables: Mapping[str, Curve | Surface]) -> dict[str, Any]:
    """For results files: the truth points of each joint."""
    return {joint: as_points(table) for joint, table in tables.items()}
