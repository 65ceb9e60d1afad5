"""The records of an MCAP file from front to back, past whatever is damaged.

`mcap`'s own reader ends at the first damage, and believes lengths that are cut short. This one finds the next record
again, wherever three in a row make sense. https://mcap.dev/spec
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from mcap.opcode import Opcode
from mcap.records import Attachment, Channel, Header, Message, Metadata, Schema

from dactyl.recording.compression import LIMIT, CompressionError, beginning, decompress

MAGIC = b"\x89MCAP0\r\n"
_HEAD = struct.Struct("<BQ")
_MESSAGE = struct.Struct("<HIQQ")
_CHUNK = struct.Struct("<QQQI")
_FOOTER_SIZE = _HEAD.size + 20
_LEAST = {
    Opcode.HEADER: 8, Opcode.FOOTER: 20, Opcode.SCHEMA: 14, Opcode.CHANNEL: 16, Opcode.MESSAGE: 22, Opcode.CHUNK: 40,
    Opcode.MESSAGE_INDEX: 6, Opcode.CHUNK_INDEX: 64, Opcode.ATTACHMENT: 36, Opcode.ATTACHMENT_INDEX: 48,
    Opcode.STATISTICS: 46, Opcode.METADATA: 8, Opcode.METADATA_INDEX: 20, Opcode.SUMMARY_OFFSET: 17, Opcode.DATA_END: 4,
}  # fmt: skip
"""Bytes that a record of each kind has at least."""
_IS_OPCODE = np.isin(np.arange(256), list(_LEAST))
_BLOCK = 2**24

Record = Schema | Channel | Message | Attachment | Metadata | Header


class _DamagedError(ValueError):
    """A record is not what its kind says."""


class Summary(NamedTuple):
    """What the end of a complete file repeats."""

    schemas: dict[int, Schema]
    channels: dict[int, Channel]


class RecordReader:
    """Reads one file."""

    def __init__(self, handle: int, size: int) -> None:
        """
        Args:
            handle: file descriptor of a file that can be read anywhere.
            size: bytes of it.
        """
        self._handle, self._size = handle, size
        self._known: set[tuple[type, int]] = set()
        """Schemas and channels that were read whole."""
        self.problems: list[str] = []
        """What `records` found damaged, one line each."""

    def profile(self) -> str:
        """What the file says all its messages are, such as ros2; empty where it says nothing."""
        opcode, length = self._head(len(MAGIC))
        try:
            if opcode == Opcode.HEADER and length <= LIMIT:
                return _header(_Fields(self._read(len(MAGIC) + _HEAD.size, length))).profile
        except _DamagedError:
            pass
        return ""

    def summary(self) -> Summary | None:
        """Schemas and channels as the end of the file repeats them; None where it has no whole end."""
        start = self._size - len(MAGIC) - _FOOTER_SIZE
        try:
            end = self._read(max(start, 0), _FOOTER_SIZE + len(MAGIC))
            if _HEAD.unpack_from(end) != (Opcode.FOOTER, 20) or end[-8:] != MAGIC:
                return None
            begin, _, checksum = struct.unpack_from("<QQI", end, _HEAD.size)
            if begin == 0:
                return Summary({}, {})
            if not len(MAGIC) < begin <= start or start - begin > LIMIT:
                return None
            data = self._read(begin, start - begin)
            if checksum and zlib.crc32(end[: _HEAD.size + 16], zlib.crc32(data)) != checksum:
                return None
            found = [self._noted(record) for record in _contents(data)]
        except (_DamagedError, struct.error):
            return None
        return Summary(
            {each.id: each for each in found if isinstance(each, Schema)},
            {each.id: each for each in found if isinstance(each, Channel)},
        )

    def records(self) -> Iterator[Record]:
        """Everything that can be read before the summary, chunks unpacked."""
        place, trusted = len(MAGIC), len(MAGIC)
        while True:
            opcode, length = self._head(place)
            if not self._plausible(opcode, length, place):
                found = self._find(trusted)
                if found is None:
                    self.problems.append(self._ends(place))
                    return
                if trusted == place:  # otherwise it is said what came before
                    self.problems.append(f"{found - place} bytes after {place / 1e6:.1f} MB are damaged")
                place = trusted = found
            elif opcode == Opcode.FOOTER:
                return
            else:
                end = place + _HEAD.size + length
                try:
                    if opcode == Opcode.DATA_END:
                        self._check(place)
                        return
                    yield from self._record(opcode, place + _HEAD.size, length)
                    trusted = end
                except _DamagedError as error:
                    self.problems.append(str(error))
                    trusted = place + 1  # its length may be what is wrong
                place = end

    def _record(self, opcode: int, start: int, length: int) -> Iterator[Record]:
        """What one record holds."""
        if opcode not in (*_PARSERS, Opcode.CHUNK, Opcode.MESSAGE):
            return
        if length > LIMIT:
            raise _DamagedError(f"a record of {length / 1e9:.1f} GB after {start / 1e6:.1f} MB is too long to be true")
        body = self._read(start, length)
        if opcode == Opcode.CHUNK:
            yield from self._chunk(body)
        else:
            yield self._noted(_parsed(opcode, body))

    def _noted(self, record: Record) -> Record:
        if isinstance(record, (Schema, Channel)):
            self._known.add((type(record), record.id))
        return record

    def _check(self, end: int) -> None:
        """Compare the checksum of all data, where the file has one."""
        (wanted,) = struct.unpack("<I", self._read(end + _HEAD.size, 4))
        if not wanted or self.problems:
            return
        checksum = 0
        for start in range(0, end, _BLOCK):
            checksum = zlib.crc32(self._read(start, min(_BLOCK, end - start)), checksum)
        if checksum != wanted:
            self.problems.append("something in it is damaged: the checksum of its data is wrong")

    def _ends(self, place: int) -> str:
        return f"ends or is damaged after {place / 1e6:.1f} MB of {self._size / 1e6:.1f}"

    def _head(self, place: int) -> tuple[int, int]:
        """Kind and length of the record at a place; 0 where there is none."""
        try:
            opcode, length = _HEAD.unpack(self._read(place, _HEAD.size))
        except _DamagedError:
            return 0, 0
        return opcode, length

    def _plausible(self, opcode: int, length: int, place: int) -> bool:
        if opcode == 0 or place + _HEAD.size + length > self._size:
            return False
        return length >= _LEAST.get(Opcode(opcode), 0) if opcode in _LEAST else True

    def _read(self, place: int, length: int) -> bytes:
        try:
            data = os.pread(self._handle, length, place)
        except OSError as error:  # a bad sector
            where = f"{length} bytes after {place / 1e6:.1f} MB"
            raise _DamagedError(f"{where} cannot be read: {error.strerror}") from error
        if len(data) != length:
            raise _DamagedError(self._ends(place))
        return data

    def _find(self, start: int) -> int | None:
        """Where, from a place on, the next record begins that two more follow, or the end of the file."""
        for block in range(start, self._size, _BLOCK):
            try:
                data = np.frombuffer(self._read(block, min(_BLOCK + 8, self._size - block)), np.uint8)
            except _DamagedError:
                continue
            if len(data) < _HEAD.size:
                return None
            likely = _IS_OPCODE[data[:-8]] & (data[8:] == 0) & (data[7:-1] == 0) & (data[6:-2] == 0)
            for place in np.flatnonzero(likely):
                if self._follows(block + int(place)):
                    return block + int(place)
        return None

    def _follows(self, place: int) -> bool:
        for _ in range(3):
            opcode, length = self._head(place)
            if opcode not in _LEAST or not self._plausible(opcode, length, place) or length == 0:
                return False
            place += _HEAD.size + length
            if place == self._size or opcode == Opcode.FOOTER:
                return True
        return True

    def _chunk(self, body: bytes) -> Iterator[Record]:
        """The records in a chunk; of a damaged one only what names topics."""
        try:
            begin, end, size, checksum = _CHUNK.unpack_from(body)
            fields = _Fields(body, _CHUNK.size)
            kind = fields.text()
            data = fields.bytes(fields.number("<Q"))
        except (_DamagedError, struct.error) as error:
            raise _DamagedError("a chunk is damaged (its own fields)") from error
        try:
            whole = decompress(data, size, kind)
            if checksum and zlib.crc32(whole) != checksum:
                raise CompressionError("its checksum")
            for record in _contents(whole):
                yield self._noted(record)
        except (CompressionError, _DamagedError) as error:
            names = (each for each in _names(beginning(data, kind)) if (type(each), each.id) not in self._known)
            yield from names  # where nothing sound says it
            seconds = max(end - begin, 0) * 1e-9
            raise _DamagedError(
                f"a chunk of {size / 1e6:.1f} MB, {seconds:.1f} s long, is damaged ({error})"
            ) from error


class _Fields:
    """Reads the fields of a record, one after another."""

    def __init__(self, data: bytes, place: int = 0) -> None:
        self._data, self._place = data, place

    def bytes(self, length: int) -> bytes:
        start, self._place = self._place, self._place + length
        if self._place > len(self._data):
            raise _DamagedError("a record is shorter than what is in it")
        return self._data[start : self._place]

    def number(self, layout: str) -> int:
        (number,) = struct.unpack(layout, self.bytes(struct.calcsize(layout)))
        return int(number)

    def text(self) -> str:
        try:
            return self.bytes(self.number("<I")).decode()
        except UnicodeDecodeError as error:
            raise _DamagedError("a record's text is not UTF-8") from error

    def texts(self) -> dict[str, str]:
        length = self.number("<I")
        end, found = self._place + length, {}
        while self._place < end:
            name = self.text()
            found[name] = self.text()
        return found


def _header(fields: _Fields) -> Header:
    return Header(fields.text(), fields.text())


def _schema(fields: _Fields) -> Schema:
    number, name, encoding = fields.number("<H"), fields.text(), fields.text()
    return Schema(number, fields.bytes(fields.number("<I")), encoding, name)


def _channel(fields: _Fields) -> Channel:
    number, schema, topic, encoding = fields.number("<H"), fields.number("<H"), fields.text(), fields.text()
    return Channel(number, topic, encoding, fields.texts(), schema)


def _attachment(fields: _Fields) -> Attachment:
    logged, created, name, kind = fields.number("<Q"), fields.number("<Q"), fields.text(), fields.text()
    return Attachment(created, logged, name, kind, fields.bytes(fields.number("<Q")))


def _metadata(fields: _Fields) -> Metadata:
    return Metadata(fields.text(), fields.texts())


_PARSERS: dict[int, Callable[[_Fields], Record]] = {
    Opcode.HEADER: _header, Opcode.SCHEMA: _schema, Opcode.CHANNEL: _channel, Opcode.ATTACHMENT: _attachment,
    Opcode.METADATA: _metadata,
}  # fmt: skip


def _message(body: bytes) -> Message:
    if len(body) < _MESSAGE.size:
        raise _DamagedError("a message is shorter than its own fields")
    channel, sequence, logged, published = _MESSAGE.unpack_from(body)
    return Message(channel, logged, body[_MESSAGE.size :], published, sequence)


def _parsed(opcode: int, body: bytes) -> Record:
    return _message(body) if opcode == Opcode.MESSAGE else _PARSERS[opcode](_Fields(body))


def _contents(data: bytes) -> Iterator[Record]:
    """The records in a chunk, or in the summary."""
    place = 0
    while place < len(data):
        if place + _HEAD.size > len(data):
            raise _DamagedError("its last record")
        opcode, length = _HEAD.unpack_from(data, place)
        start = place + _HEAD.size
        place = start + length
        if place > len(data):
            raise _DamagedError("its last record")
        if opcode == Opcode.MESSAGE or opcode in _PARSERS:
            yield _parsed(opcode, data[start:place])


def _names(data: bytes) -> Iterator[Schema | Channel]:
    """Schemas and channels in what could be had of a damaged chunk."""
    with contextlib.suppress(_DamagedError):
        for record in _contents(data):
            if isinstance(record, (Schema, Channel)):
                yield record
