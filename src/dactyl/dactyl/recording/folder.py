"""Which files a bag consists of: what metadata.yaml says, and what is there.

A rosbag2 folder may hold more than the bag: copies, files of other systems. And less: metadata.yaml is written last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import yaml

from dactyl.errors import DactylError
from dactyl.storage.documents import read_yaml

METADATA = "metadata.yaml"
_NUMBERED = re.compile(r"(.*)_(\d+)\.mcap(\.zstd|\.zst|\.lz4)?")
_PACKED = (".zstd", ".zst", ".lz4")


class Folder(NamedTuple):
    """A bag on disk."""

    files: list[Path]
    """In the order of recording."""
    information: Mapping[str, Any]
    """What metadata.yaml says; empty without one."""
    problems: list[str]
    """What of the bag is missing."""
    notes: list[str]
    """What is odd, but no damage."""

    @property
    def packed_messages(self) -> bool:
        """Whether each message is compressed by itself."""
        return str(self.information.get("compression_mode") or "").lower() == "message"


def find(path: Path) -> Folder:
    """The files of a bag: a folder, or one file.

    Raises:
        DactylError: there is none, or it is of a kind that is not read here.
    """
    if path.is_file():
        return Folder([path], {}, [], [])
    if not path.is_dir():
        raise DactylError(f"there is no bag {path}")
    notes: list[str] = []
    information = _information(path / METADATA, notes)
    _check_kind(path, information)
    present = sorted(file for file in path.iterdir() if not file.name.startswith(".") and file.is_file())
    recorded = [file for file in present if file.name.endswith((".mcap", *(f".mcap{end}" for end in _PACKED)))]
    if not recorded:
        other = "; sqlite3 bags are not read here: `ros2 bag convert` makes MCAP of them"
        raise DactylError(f"{path} has no .mcap files{other if list(path.glob('*.db3*')) else ''}")
    named = information.get("relative_file_paths")
    if isinstance(named, Sequence) and not isinstance(named, str) and named:
        files, missing = _named([PurePosixPath(str(name)).name for name in named], recorded)
        problems = [f"{name}, which {METADATA} names, is not there" for name in missing]
    else:
        files, problems = [], []
    files += _unnamed(files, recorded)
    if left := [file.name for file in recorded if file not in files]:
        notes.append(f"not of this bag: {', '.join(left)}")
    return Folder(files, information, problems, notes)


def _information(path: Path, notes: list[str]) -> Mapping[str, Any]:
    if not path.exists():
        return {}
    try:
        document = read_yaml(path, "the metadata")
    except DactylError as error:
        try:
            document = yaml.safe_load(path.read_bytes().decode(errors="replace"))
        except (OSError, yaml.YAMLError, ValueError, TypeError, RecursionError):
            notes.append(f"{error}; it is not used")
            return {}
        notes.append(f"{path.name} is not UTF-8")
    information = document.get("rosbag2_bagfile_information") if isinstance(document, dict) else None
    if not isinstance(information, dict):
        notes.append(f"{path.name} has no rosbag2_bagfile_information; it is not used")
        return {}
    return information


def _check_kind(path: Path, information: Mapping[str, Any]) -> None:
    """Refuse what would be read as something else than it is."""
    kind = information.get("storage_identifier") or "mcap"
    if kind != "mcap":
        raise DactylError(f"{path} is a {kind} bag, which is not read here: `ros2 bag convert` makes MCAP of it")
    mode, form = (str(information.get(f"compression_{key}") or "").lower() for key in ("mode", "format"))
    if mode not in ("", "none", "file", "message") or (mode in ("file", "message") and form not in ("zstd", "lz4", "")):
        raise DactylError(f"{path} is compressed ({mode}, {form}), which is not read here: zstd and lz4 are")


def _named(names: Sequence[str], present: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The files of these names, compressed or not, for the last is compressed when the recording ends; and who lack."""
    by_name = {file.name: file for file in present}
    files, missing = [], []
    for name in names:
        plain = next((name.removesuffix(end) for end in _PACKED if name.endswith(end)), name)
        found = next(
            (by_name[each] for each in (name, plain, *(plain + end for end in _PACKED)) if each in by_name), None
        )
        if found is None:
            missing.append(name)
        elif found not in files:
            files.append(found)
    return files, missing


def _unnamed(files: Sequence[Path], present: Sequence[Path]) -> list[Path]:
    """Those that metadata.yaml does not name, but whose numbers go on from its last; without it, all of one series."""
    series: dict[str, dict[int, Path]] = {}
    for file in present:
        if match := _NUMBERED.fullmatch(file.name):
            series.setdefault(match[1], {}).setdefault(int(match[2]), file)
    if files:
        match = _NUMBERED.fullmatch(files[-1].name)
        own = series.get(match[1], {}) if match else {}
        return [own[number] for number in sorted(own) if match and number > int(match[2])]
    if not series:
        return list(present)
    folder = present[0].parent.resolve().name
    own = series.get(folder) or (next(iter(series.values())) if len(series) == 1 else {})
    return [own[number] for number in sorted(own)] if own else list(present)
