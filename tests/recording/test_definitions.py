"""Message definitions as bags carry them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dactyl.errors import DactylError
from dactyl.recording.definitions import definition


@pytest.fixture(autouse=True)
def share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "a_msgs/msg/Top": "# a Comment of[] many\nB[<=3] b\nc_msgs/C[2] c  # D d\nstring<=4 s\nuint8 X=1\nHeader h\n",
        "a_msgs/msg/B": "float32[] x\nc_msgs/C c\n",
        "a_msgs/msg/Header": "int32 y\n",
        "c_msgs/msg/C": "bool z\n",
    }
    for name, text in files.items():
        path = tmp_path / "share" / f"{name}.msg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"/nowhere:{tmp_path}")
    definition.cache_clear()


def test_a_definition_brings_all_it_consists_of_once() -> None:
    """Protects decoding without ROS: rosbag2's layout, with every dependency and none twice."""
    first, *others = definition("a_msgs/msg/Top").split("\n" + "=" * 80 + "\n")
    assert first.startswith("# a Comment")
    assert [other.splitlines()[0] for other in others] == ["MSG: a_msgs/B", "MSG: c_msgs/C", "MSG: a_msgs/Header"]


def test_an_unknown_type_is_named() -> None:
    """Protects people from a KeyError."""
    with pytest.raises(DactylError, match="no definition of the message type a_msgs/msg/None"):
        definition("a_msgs/msg/None")
