"""Configuration and weights are found in a source tree and in every kind of installation."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from dactyl.storage import shared

ROOT = Path(__file__).resolve().parents[2]


def installed(module: Path) -> object:
    """The module as if it lay in that file."""
    module.parent.mkdir(parents=True)
    module.write_text(Path(shared.__file__).read_text())
    specification = importlib.util.spec_from_file_location("installed_shared", module)
    assert specification
    assert specification.loader
    loaded = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(loaded)
    return loaded.shared


def test_a_source_tree_uses_the_repositorys_own_files() -> None:
    assert shared.shared("models", "block") == ROOT / "models" / "block"


@pytest.mark.parametrize("packages", ["lib/python3.11/site-packages", "local/lib/python3.12/dist-packages", "."])
def test_an_installation_uses_its_share_folder(tmp_path: Path, packages: str) -> None:
    """In a virtual environment, as Debian's pip and colcon install, and by `pip install --target`."""
    (tmp_path / "share" / "dactyl" / "config" / "training").mkdir(parents=True)
    find = installed(tmp_path / packages / "dactyl" / "storage" / "shared.py")
    assert find("config", "sim.yaml") == tmp_path / "share" / "dactyl" / "config" / "sim.yaml"  # type: ignore[operator]


def test_an_installation_without_its_files_says_so(tmp_path: Path) -> None:
    find = installed(tmp_path / "lib" / "python3.11" / "site-packages" / "dactyl" / "storage" / "shared.py")
    with pytest.raises(FileNotFoundError, match="share/dactyl"):
        find("models")  # type: ignore[operator]
