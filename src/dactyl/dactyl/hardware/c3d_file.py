"""The points of a C3D file, by https://www.c3d.org/docs/C3D_User_Guide.pdf.

Read here because neither library can be trusted with files of others: `c3d` knows no more than 65,535 frames, and
asserts what files need not keep; `ezc3d` ends the whole process on damaged ones.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dactyl.errors import DactylError

BLOCK = 512
_KEY = 0x50
_ORDERS = {84: "<", 85: "<", 86: ">"}  # Intel, DEC, MIPS
_DEC = 85
_WORDS = {1: "u1", 2: "i2", 4: "f4"}
_MOST = 65535
"""Frames that a header can count."""


class Points(NamedTuple):
    """What a file holds of points."""

    labels: list[str]
    """One for each point; empty where it has none."""
    positions: np.ndarray
    """(frames, points, 3) in the file's unit"""
    seen: np.ndarray
    """(frames, points) bool"""
    rate: float
    """Frames per second; 0 where the file does not say."""
    unit: str
    """As the file says it, without padding; empty where it says none."""
    problems: list[str]
    """What is missing or odd, one line each."""


@dataclass(frozen=True)
class _Parameter:
    kind: int
    """Bytes of an element; -1: characters."""
    sizes: tuple[int, ...]
    data: bytes


class _File:
    """Header and parameters."""

    def __init__(self, raw: bytes) -> None:
        """
        Raises:
            ValueError: it is no C3D file, or damaged.
        """
        if len(raw) < BLOCK or raw[1] != _KEY:
            raise ValueError("its first bytes are not those of one")
        start = BLOCK * (raw[0] - 1)
        if start < 0 or start + 4 > len(raw):
            raise ValueError("its parameters are missing")
        processor = raw[start + 3]
        if processor not in _ORDERS:
            raise ValueError(f"its processor type is {processor}")
        self.raw, self.order, self.dec = raw, _ORDERS[processor], processor == _DEC
        self.words = struct.unpack_from(f"{self.order}10H", raw)
        """Of the header: key, points, analog values a frame, first and last frame, gap, scale, scale, data, rate."""
        self.header_rate = float(self.floats(raw[20:24])[0])
        self.header_scale = float(self.floats(raw[12:16])[0])
        self._parameters = self._read_parameters(start + 4)

    def floats(self, data: bytes) -> np.ndarray:
        """Numbers as the file's processor writes them."""
        if not self.dec:
            return np.frombuffer(data, f"{self.order}f4").astype(float)
        halves = np.frombuffer(data, "<u2").reshape(-1, 2)[:, ::-1]  # VAX: the upper half first, an exponent 2 larger
        values = np.ascontiguousarray(halves).view("<f4").ravel().astype(float) / 4.0
        return np.where((halves[:, 1] & 0x7F80) == 0, 0.0, values)

    def _read_parameters(self, place: int) -> dict[str, _Parameter]:
        groups: dict[int, str] = {}
        found: list[tuple[int, str, _Parameter]] = []
        raw = self.raw
        while place + 4 <= len(raw):
            length, group = struct.unpack_from("bb", raw, place)
            name = raw[place + 2 : place + 2 + abs(length)].decode("latin-1").strip().upper()
            place += 2 + abs(length)
            (onward,) = struct.unpack_from(f"{self.order}H", raw, place) if place + 2 <= len(raw) else (0,)
            if length == 0 or group == 0:
                break
            if group < 0:
                groups[-group] = name
            elif parameter := self._parameter(place + 2):
                found.append((group, name, parameter))
            if onward == 0:
                break
            place += onward
        return {f"{groups.get(group, group)}:{name}": parameter for group, name, parameter in found}

    def _parameter(self, place: int) -> _Parameter | None:
        try:
            kind, count = struct.unpack_from("bB", self.raw, place)
            sizes = struct.unpack_from(f"{count}B", self.raw, place + 2)
        except struct.error:
            return None
        length = abs(kind) * int(np.prod(sizes, dtype=np.int64)) if count <= 7 else 0
        data = self.raw[place + 2 + count : place + 2 + count + length]
        return _Parameter(kind, sizes, data) if len(data) == length and kind in (-1, 1, 2, 4) else None

    def numbers(self, name: str) -> np.ndarray:
        """Of a parameter, as they are stored; empty where there is none."""
        parameter = self._parameters.get(name)
        if parameter is None or parameter.kind < 0:
            return np.empty(0)
        if parameter.kind == 4:
            return self.floats(parameter.data)
        return np.frombuffer(parameter.data, self.order + _WORDS[parameter.kind]).astype(np.int64)

    def texts(self, name: str) -> list[str]:
        """Of a parameter, without padding; empty where there is none."""
        parameter = self._parameters.get(name)
        if parameter is None or parameter.kind != -1:
            return []
        width = max(parameter.sizes[0] if parameter.sizes else 1, 1)
        parts = (parameter.data[i : i + width] for i in range(0, len(parameter.data), width))
        return [part.decode("utf-8", "replace").strip(" \0\t\r\n") for part in parts]

    def first(self, name: str, otherwise: float) -> float:
        numbers = self.numbers(name)
        return float(numbers[0]) if numbers.size and np.isfinite(numbers[0]) else otherwise


def read(path: Path) -> Points:
    """Read a file.

    Raises:
        DactylError: it cannot be read, is none, or holds no points.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise DactylError(f"there is no C3D file {path}") from error
    except OSError as error:
        raise DactylError(f"cannot read the C3D file {path}: {error.strerror}") from error
    try:
        with np.errstate(all="ignore"):
            found = _points(_File(raw))
    except (ValueError, struct.error, OverflowError, MemoryError) as error:
        raise DactylError(f"{path} is not a C3D file that can be read: {error}") from error
    if not found.positions.size:
        raise DactylError(f"the C3D file {path} has no points{''.join(f': {each}' for each in found.problems)}")
    return found


def _points(file: _File) -> Points:
    count = int(file.first("POINT:USED", file.words[1])) & 0xFFFF
    scale = file.first("POINT:SCALE", file.header_scale)
    if not np.isfinite(scale) or scale == 0.0:
        raise ValueError(f"its scale is {scale}")
    width = 4 if scale < 0 else 2
    values = 4 * count + file.words[2]
    place = BLOCK * ((file.words[8] or int(file.first("POINT:DATA_START", 0)) & 0xFFFF) - 1)
    problems: list[str] = []
    if count == 0:
        frames, place = 0, 0
    elif not BLOCK <= place < len(file.raw):
        raise ValueError("its data is missing")
    else:
        frames = _frames(file, place, width * values, problems)
    data = file.raw[place : place + frames * values * width]
    numbers = file.floats(data) if width == 4 else np.frombuffer(data, f"{file.order}i2").astype(float)
    rows = numbers.reshape(frames, values)[:, : 4 * count].reshape(frames, count, 4)
    positions = rows[..., :3] if width == 4 else rows[..., :3] * scale
    seen = np.isfinite(positions).all(axis=2) & (rows[..., 3] >= 0)  # C3D's sign of a lost point
    labels = file.texts("POINT:LABELS")
    for more in range(2, 257):  # a parameter holds no more than 255
        labels += file.texts(f"POINT:LABELS{more}")
    rate = file.first("POINT:RATE", file.header_rate)
    if not (np.isfinite(rate) and rate > 0):
        rate = file.header_rate if np.isfinite(file.header_rate) and file.header_rate > 0 else 0.0
    units = file.texts("POINT:UNITS")
    labels = (labels + [""] * count)[:count]
    return Points(labels, positions, seen, rate, units[0] if units else "", problems)


def _frames(file: _File, place: int, size: int, problems: list[str]) -> int:
    """How many frames there are: the most that something in the file says and its size allows.

    Args:
        file: they are in.
        place: of the first.
        size: bytes of one.
        problems: to add to.
    """
    there = (len(file.raw) - place) // size
    first, last = file.words[3], file.words[4]
    said = {last - first + 1, *(_long(file.numbers(name)) for name in ("POINT:FRAMES", "POINT:LONG_FRAMES"))}
    begin, end = (_long(file.numbers(f"TRIAL:ACTUAL_{which}_FIELD")) for which in ("START", "END"))
    said.add(end - max(begin, 1) + 1 if end else 0)
    likely = sorted(frames for frames in said if frames > 0)
    fitting, beyond = [n for n in likely if n <= there], [n for n in likely if n > there]
    best, padding = max(fitting, default=0), BLOCK // size + 1
    left = there - best
    if left <= padding and best < _MOST:
        return best
    if beyond and (best == 0 or best >= _MOST):
        problems.append(f"it ends after {there} of {beyond[0]} frames")
        return there
    if best >= _MOST or left % (_MOST + 1) <= padding:  # a count of 16 bits has run full, or over
        for _ in range(min(padding, left)):  # what fills the last block is no frame
            there -= not any(file.raw[place + (there - 1) * size : place + there * size])
        if there > best:
            problems.append(f"it counts {best} frames; by its size there are {there}")
        return there
    problems.append(f"after its {best} frames there are {left * size} bytes more, which are not read")
    return best


def _long(numbers: np.ndarray) -> int:
    """A count of frames: one number, or two words of 16 bits, the lower first; 0 where there is none."""
    if not numbers.size or not np.isfinite(numbers[:2]).all() or np.abs(numbers[:2]).max() > 2**31:
        return 0
    if numbers.dtype.kind == "i":
        words = numbers[:2] & 0xFFFF
        return int(words[0] + (words[1] << 16 if len(words) > 1 else 0))
    return int(numbers[0])
