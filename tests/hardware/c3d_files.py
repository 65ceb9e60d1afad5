"""C3D files as the guide describes them, of any processor; also such as no writer should make."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

INTEL, DEC, MIPS = 84, 85, 86
IDS = (0, 1, 2, 3, 4, 10, 11, 12, 13)


def labelled(ids: Sequence[int] = IDS) -> list[str]:
    return [f"M{number:03d}" for number in ids]


def points(frames: int, count: int = len(IDS)) -> np.ndarray:
    """(frames, count, 4) mm and residuals: point i is at 10 i, −44, 100 + frame."""
    found = np.zeros((frames, count, 4))
    found[..., 0], found[..., 1] = 30.0 + 10.0 * np.arange(count), -44.0
    found[..., 2] = 100.0 + np.arange(frames)[:, None] % 1000
    return found


def write(
    path: Path,
    data: np.ndarray,
    labels: Sequence[str] | None = None,
    processor: int = INTEL,
    scale: float = -0.1,
    rate: float = 240.0,
    units: str | None = "mm",
    analog: int = 0,
    last: int | None = None,
    more: dict[str, dict[str, Any]] | None = None,
    leave_out: Sequence[str] = (),
) -> Path:
    """Write a file.

    Args:
        path: of it.
        data: (frames, points, 4) in the unit, with residuals.
        labels: LABELS, and LABELS2 for those beyond 255; None: no such parameter.
        processor: INTEL, DEC or MIPS.
        scale: below 0 for floating-point numbers.
        rate: frames per second.
        units: None: no such parameter.
        analog: values a frame.
        last: number of the last frame in the header; None: as it is, 65,535 at most.
        more: parameters of other groups, or in place of those of POINT.
        leave_out: parameters of POINT.
    """
    order = ">" if processor == MIPS else "<"
    frames, count, _ = data.shape
    point: dict[str, Any] = {
        "USED": np.array(count, "i2"), "SCALE": np.array(scale, "f4"), "RATE": np.array(rate, "f4"),
        "DATA_START": np.array(0, "i2"), "FRAMES": np.array(min(frames, 65535), "u2"),
    }  # fmt: skip
    if units is not None:
        point["UNITS"] = [units]
    for i in range(0, len(labels or ()), 255):
        point[f"LABELS{i // 255 + 1 if i else ''}"] = list(labels or ())[i : i + 255]
    groups = {"POINT": point, **(more or {})}
    groups["POINT"] = {key: value for key, value in {**point, **groups["POINT"]}.items() if key not in leave_out}
    body = b"".join(
        _group(number, name, values, processor, order) for number, (name, values) in enumerate(groups.items(), 1)
    )
    body += b"\0\0"
    blocks = -(-(4 + len(body)) // 512)
    parameters = (bytes([1, 0x50, blocks % 256, processor]) + body).ljust(512 * blocks, b"\0")
    header = struct.pack(
        f"{order}HHHHH", count, analog, 1, min(frames, 65535) if last is None else last, 10
    ) + _floats(np.array([scale]), processor) + struct.pack(f"{order}HH", 2 + blocks, 1) + _floats(
        np.array([rate]), processor
    )  # fmt: skip
    values = data.copy()
    if scale > 0:
        values[..., :3] /= scale
    rows = np.concatenate([values.reshape(frames, 4 * count), np.zeros((frames, analog))], axis=1)
    raw = _floats(rows.ravel(), processor) if scale < 0 else rows.round().astype(f"{order}i2").tobytes()
    raw = raw.ljust(-(-len(raw) // 512) * 512, b"\0")
    path.write_bytes((bytes([2, 0x50]) + header).ljust(512, b"\0") + parameters + raw)
    return path


def _group(number: int, name: str, values: dict[str, Any], processor: int, order: str) -> bytes:
    body = struct.pack("bb", len(name), -number) + name.encode() + struct.pack(f"{order}H", 3) + b"\0"
    for key, value in values.items():
        data = _parameter(value, processor, order)
        body += struct.pack("bb", len(key), number) + key.encode() + struct.pack(f"{order}H", 2 + len(data) + 1)
        body += data + b"\0"
    return body


def _parameter(value: Any, processor: int, order: str) -> bytes:
    if isinstance(value, list):
        width = max(map(len, (each.encode() for each in value)), default=0)
        return struct.pack("bBBB", -1, 2, width, len(value)) + b"".join(each.encode().ljust(width) for each in value)
    kind = value.dtype.itemsize
    data = _floats(value.ravel(), processor) if value.dtype.kind == "f" else value.astype(f"{order}u{kind}").tobytes()
    return struct.pack(f"bB{value.ndim}B", kind, value.ndim, *value.shape) + data


def _floats(values: np.ndarray, processor: int) -> bytes:
    if processor == MIPS:
        return values.astype(">f4").tobytes()
    if processor == INTEL:
        return values.astype("<f4").tobytes()
    halves = np.ascontiguousarray(values.ravel() * 4.0, "<f4").view("<u2").reshape(-1, 2)
    return np.ascontiguousarray(halves[:, ::-1]).tobytes()
