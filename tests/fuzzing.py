"""Damages valid files at random and gives them to their readers: nothing but the project's own error may come out."""

from __future__ import annotations

import random
import re
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from dactyl.errors import DactylError

_VALUES = (
    b"nan", b".nan", b"inf", b"-.inf", b"1e999", b"-1", b"0", b"99999999999999999999", b"''", b"null", b"[]", b"{}",
    b"[[]]", b"true", b"x", b"2000-99-99", b"*a", b"&a", b"!!binary x", b"\xff", b"\0",
)  # fmt: skip
_TOKEN = re.compile(rb"[A-Za-z0-9_.+-]+")


class Reader(NamedTuple):
    """A format and what reads it."""

    name: str
    files: Sequence[bytes]
    """Valid ones."""
    read: Callable[[Path], object]
    file: str = "file"
    """What it must be called."""
    text: bool = False
    """Whether words may be exchanged too."""


class Outcome(NamedTuple):
    """What became of damaged files."""

    tried: int
    read: int
    """Those that were read all the same."""
    slowest_s: float
    tracebacks: list[str]
    """The last lines of each kind of exception that is not ours."""


def damage(source: random.Random, raw: bytes, text: bool) -> bytes:
    """Between one and four faults: bytes turned over, lost, doubled, zeroed; an end cut off; words exchanged."""
    for _ in range(source.choice((1, 1, 1, 2, 4))):
        raw = _fault(source, raw, source.randrange(10 if text else 7))
    return raw


def _fault(source: random.Random, raw: bytes, kind: int) -> bytes:
    if not raw:
        return raw
    start = source.randrange(len(raw)) if source.random() < 0.6 else source.randrange(min(len(raw), 600))
    length = min(source.choice((1, 1, 2, 4, 8, 64, 700)), len(raw) - start)
    before, within, after = raw[:start], raw[start : start + length], raw[start + length :]
    if kind == 0:
        return before + bytes(byte ^ (1 << source.randrange(8)) for byte in within) + after
    if kind == 1:
        return before + source.randbytes(length) + after
    if kind == 2:
        return before if source.random() < 0.5 else before + after
    if kind == 3:
        return before + within + within + after
    if kind == 4:
        return before + source.choice((b"\0", b"\xff", b"\x7f")) * length + after
    if kind == 5:
        return before + source.choice((b"\0" * 8, b"\xff" * 4, source.randbytes(8))) + within + after
    if kind == 6:  # a number of the machine's
        return before + source.choice((0, 1, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1)).to_bytes(4, "little") + after[3:]
    words = list(_TOKEN.finditer(raw))
    if not words:
        return raw
    if kind == 7:  # a line
        lines = raw.split(b"\n")
        i = source.randrange(len(lines))
        lines[i : i + 1] = source.choice(
            ([], [lines[i]] * 2, [b"  " + lines[i]], [lines[source.randrange(len(lines))]])
        )
        return b"\n".join(lines)
    word = source.choice(words)
    other = source.choice(_VALUES) if kind == 8 else source.choice(words)[0]
    return raw[: word.start()] + other + raw[word.end() :]


def fuzz(reader: Reader, folder: Path, seed: int, number: int = 0, seconds: float = 0.0) -> Outcome:
    """Try so many damaged files, or for so long."""
    source, end = random.Random(f"{reader.name} {seed}"), time.monotonic() + seconds
    path = folder / reader.file
    tried = read = 0
    slowest = 0.0
    found = Counter[str]()
    while tried < number or time.monotonic() < end:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(damage(source, source.choice(list(reader.files)), reader.text))
        tried, begun = tried + 1, time.monotonic()
        try:
            reader.read(path)
            read += 1
        except DactylError as error:
            if "\n" in str(error):
                found[f"more than one line: {error}"] += 1
        except Exception:
            kind = "".join(traceback.format_exc().splitlines(keepends=True)[-7:])
            if kind not in found:
                (folder / f"{reader.name.replace(' ', '_')}_{len(found)}").write_bytes(path.read_bytes())
            found[kind] += 1
        slowest = max(slowest, time.monotonic() - begun)
    return Outcome(tried, read, slowest, [f"{count} times:\n{kind}" for kind, count in found.most_common()])
