"""Where the files beside the code are: configuration, training presets, shipped weights."""

from __future__ import annotations

from pathlib import Path


def shared(*parts: str) -> Path:
    """A path in the repository, or in the share folder of an installation by pip or colcon.

    Raises:
        FileNotFoundError: neither is there, so the installation lacks its files.
    """
    here = Path(__file__).resolve()
    for root in (here.parents[4], *(folder / "share" / "dactyl" for folder in here.parents)):
        if (root / "config" / "training").is_dir():
            return root.joinpath(*parts)
    raise FileNotFoundError(f"the files that belong to dactyl, share/dactyl, are in no folder above {here.parent}")
