"""Frames of zstd and LZ4."""

from __future__ import annotations

import io
import random

import lz4.frame
import pytest
import zstandard

from dactyl.recording.compression import CompressionError, beginning, compressed, decompress, unpack

DATA = random.Random(0).randbytes(400_000) + bytes(100_000)
PACKED = {"zstd": zstandard.compress(DATA), "lz4": lz4.frame.compress(DATA)}


@pytest.mark.parametrize("kind", PACKED)
def test_both_are_recognised_and_unpacked(kind: str) -> None:
    """Protects from trusting a name: the first bytes say what it is."""
    assert compressed(PACKED[kind])
    assert decompress(PACKED[kind]) == decompress(PACKED[kind], len(DATA), kind) == DATA
    assert not compressed(DATA)
    assert decompress(DATA, len(DATA), "") == DATA


@pytest.mark.parametrize(
    ("data", "size", "kind"),
    [
        (PACKED["zstd"], len(DATA) - 1, "zstd"),
        (PACKED["zstd"], len(DATA) + 1, "zstd"),
        (PACKED["lz4"][:-50], len(DATA), "lz4"),
        (PACKED["zstd"], 2**40, "zstd"),
        (PACKED["zstd"], len(DATA), "lz4"),
        (DATA, len(DATA), "zlib"),
    ],
)
def test_what_does_not_become_what_it_should_is_refused(data: bytes, size: int, kind: str) -> None:
    """Protects memory, and from data that is cut or of another kind."""
    with pytest.raises(CompressionError):
        decompress(data, size, kind)


@pytest.mark.parametrize("kind", PACKED)
def test_what_comes_before_the_damage_is_had(kind: str) -> None:
    """Protects the names of topics in a damaged chunk, and the beginning of a damaged file."""
    damaged = PACKED[kind][: len(PACKED[kind]) // 2] + b"\xff" * 4000
    assert 0 < len(beginning(damaged, kind)) < len(DATA)
    out = io.BytesIO()
    assert unpack(io.BytesIO(damaged), out)
    assert DATA.startswith(out.getvalue()[:50_000])
    assert len(out.getvalue()) > 0


@pytest.mark.parametrize("kind", PACKED)
def test_frames_in_a_row_are_one_file(kind: str) -> None:
    """Protects files that were compressed piece by piece."""
    out = io.BytesIO()
    assert unpack(io.BytesIO(2 * PACKED[kind]), out) == ""
    assert out.getvalue() == 2 * DATA
