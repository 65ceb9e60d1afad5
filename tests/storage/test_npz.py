"""Files of numpy arrays."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.storage import npz


def test_every_array_is_read(tmp_path: Path) -> None:
    """Protects the names."""
    np.savez(tmp_path / "a.npz", a=np.arange(3), b=np.array("x"))
    found = npz.read(tmp_path / "a.npz", "the file")
    assert found.keys() == {"a", "b"}
    assert found["a"].tolist() == [0, 1, 2]


def test_whatever_is_wrong_is_one_line(tmp_path: Path) -> None:
    """Protects from what zipfile and numpy raise: zlib's errors, NotImplementedError, objects that would be run."""
    path = tmp_path / "a.npz"
    with pytest.raises(DactylError, match=r"cannot read the file .*: No such file"):
        npz.read(path, "the file")
    np.savez_compressed(path, a=np.arange(1000))
    whole = path.read_bytes()
    for content in (b"", b"PK", whole[:200], whole[:100] + bytes(60) + whole[160:], np.arange(3).tobytes()):
        path.write_bytes(content)
        with pytest.raises(DactylError, match=r"cannot read the file .*a\.npz: ."):
            npz.read(path, "the file")
    np.savez(path, a=np.array([{}], object))
    with pytest.raises(DactylError, match="allow_pickle"):
        npz.read(path, "the file")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"no array")
    with pytest.raises(DactylError):
        npz.read(path, "the file")
