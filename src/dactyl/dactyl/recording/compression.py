"""What bags are compressed with, recognised by its first bytes: zstd and LZ4 frames."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any, BinaryIO

import lz4.frame
import zstandard

ZSTD, LZ4 = b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18"
LIMIT = 2**30
"""Bytes that a chunk or a message may become: more is a damaged size."""
_PIECE = 1024
_DAMAGE = (zstandard.ZstdError, RuntimeError, EOFError, OSError, ValueError, MemoryError)


class CompressionError(ValueError):
    """The data is damaged, or of a compression that is not known."""


def compressed(start: bytes) -> bool:
    """Whether data that starts like this is a frame of either kind."""
    return start[:4] in (ZSTD, LZ4)


def decompress(data: bytes, size: int | None = None, kind: str | None = None) -> bytes:
    """The whole of it.

    Args:
        data: one frame.
        size: that it must become; None: any within LIMIT.
        kind: zstd, lz4, or nothing for data that is not compressed; None: by its first bytes.

    Raises:
        CompressionError: it is damaged.
    """
    limit = LIMIT if size is None else size
    if limit > LIMIT:
        raise CompressionError(f"{limit / 1e9:.1f} GB")
    if kind == "":
        whole = data
    elif kind not in (None, "zstd", "lz4"):
        raise CompressionError(f"the compression {kind[:20]!r} is not known")
    else:
        try:
            with _opened(io.BytesIO(data), kind or _kind(data)) as stream:
                whole = stream.read(limit + 1)
        except _DAMAGE as error:
            raise CompressionError(str(error) or type(error).__name__) from error
    if len(whole) > limit or len(whole) != (len(whole) if size is None else size):
        raise CompressionError("its size is another")
    return whole


def beginning(data: bytes, kind: str) -> bytes:
    """What can be had of a damaged frame, up to the damage."""
    if kind not in ("zstd", "lz4"):
        return b"" if kind else data
    found, length = [], 0
    with contextlib.suppress(*_DAMAGE):
        for piece in _pieces(io.BytesIO(data), kind):
            found.append(piece)
            length += len(piece)
            if length > LIMIT:
                break
    return b"".join(found)


def unpack(source: BinaryIO, out: BinaryIO) -> str:
    """Decompress a file as far as it goes; what is wrong with it, empty where nothing is.

    Raises:
        OSError: it cannot be written.
    """
    kind = _kind(source.read(4))
    source.seek(0)
    pieces = _pieces(source, kind)
    try:
        while True:
            try:
                piece = next(pieces, None)
            except _DAMAGE as error:
                return str(error) or type(error).__name__
            if piece is None:
                return ""
            out.write(piece)
    finally:
        out.flush()


def _pieces(source: BinaryIO, kind: str) -> Iterator[bytes]:
    """What a frame, or several in a row, become, in pieces so small that damage costs little before it."""
    decoder, whole = _decoder(kind), True
    while data := source.read(_PIECE):
        while data:
            yield decoder.decompress(data)
            data, whole = decoder.unused_data or b"", decoder.eof
            if whole:
                decoder = _decoder(kind)
    if not whole:
        raise EOFError("it is cut off")


def _decoder(kind: str) -> Any:
    return zstandard.ZstdDecompressor().decompressobj() if kind == "zstd" else lz4.frame.LZ4FrameDecompressor()


def _kind(start: bytes) -> str:
    return "lz4" if start[:4] == LZ4 else "zstd"


def _opened(source: BinaryIO, kind: str) -> BinaryIO:
    if kind == "lz4":
        return lz4.frame.open(source, "rb")
    return zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True, closefd=False)
