"""What a bag says about itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from dactyl.errors import DactylError
from dactyl.recording.reading import Bag
from tests.recording.bags import write_bag
from tests.recording.graph_bag import Writer

OLD_BAG = Path(__file__).parent / "data" / "fixed_lengths"


def test_the_robot_is_the_one_that_the_actions_name(tmp_path: Path) -> None:
    """Protects reports from taking one robot's topics and workspace for another's."""
    for name in ("shadow", "nobody"):
        writer = Writer(tmp_path / name)
        writer.action("/dactyl/action", 10**9, 10**9, 0, robot=name)
        writer.bag.close()
    assert Bag(tmp_path / "shadow").robot.name == "shadow"
    with pytest.raises(DactylError, match="there is no robot 'nobody'"):
        _ = Bag(tmp_path / "nobody").robot


def test_a_bag_that_names_no_robot_is_of_the_one_there_was_first(tmp_path: Path) -> None:
    """Protects old recordings, whose actions had no such field, and bags without actions."""
    write_bag(tmp_path / "b", 3).close()
    for path in (OLD_BAG, tmp_path / "b"):
        assert Bag(path).robot.name == "shadow"
        assert Bag(path).task.name == "reorient"
