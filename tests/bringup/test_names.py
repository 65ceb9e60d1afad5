"""Names of ROS that a person gives."""

from __future__ import annotations

import pytest

from dactyl.bringup.names import check_name, remappings
from dactyl.errors import DactylError


def test_remappings_are_pairs() -> None:
    assert remappings("") == ()
    assert remappings("/joint_states:=/right/joint_states  goal:=~/goal") == (
        ("/joint_states", "/right/joint_states"),
        ("goal", "~/goal"),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/a=/b", "remap: '/a=/b' is not FROM:=TO"),
        ("/a:=", "remap = '' is no name for ROS"),
        ("/a:=/b//c", "remap = '/b//c' is no name"),
        ("/a:=/1b", "remap = '/1b' is no name"),
        ("/a:=/b /a:=/c", "remap: /a is there twice"),
    ],
)
def test_what_is_no_remapping_is_said(text: str, said: str) -> None:
    with pytest.raises(DactylError) as error:
        remappings(text)
    assert str(error.value).startswith(said)


@pytest.mark.parametrize("name", ["/", "", "/a b", "/ä", "/a-b", "/a/", "/a__b"])
def test_what_is_no_name_is_said(name: str) -> None:
    with pytest.raises(DactylError, match="is no name for ROS"):
        check_name("namespace", name)
