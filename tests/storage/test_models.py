"""The shipped weights are found by their object, whichever way it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from dactyl.errors import DactylError
from dactyl.storage import models


@pytest.mark.parametrize("name", ["octagonal_prism", "octagonal-prism"])
def test_both_spellings_of_an_object_are_the_same_model(name: str) -> None:
    assert models.policy_for(name) == models.find("octagonal-prism") / "policy.safetensors"
    assert models.policy_for(name).is_file()


def test_an_estimator_is_found_beside_the_policies() -> None:
    assert models.estimator_for("block").is_file()
    assert models.estimator_for("block").parent == models.find("pose_block")


def test_a_path_means_itself_or_the_file_in_that_folder(tmp_path: Path) -> None:
    file = tmp_path / "mine.safetensors"
    assert models.policy_for("block", file) == file
    assert models.policy_for("block", str(tmp_path)) == tmp_path / "policy.safetensors"
    assert models.estimator_for("block", tmp_path) == tmp_path / "estimator.safetensors"


def test_an_object_for_which_none_is_shipped_is_named() -> None:
    with pytest.raises(DactylError, match="no policy for the object teapot is shipped: name one"):
        models.policy_for("teapot")
    with pytest.raises(DactylError, match="no pose estimator for the object teapot is shipped: name one"):
        models.estimator_for("teapot")


def test_the_policies_for_an_object_are_all_that_bear_its_name() -> None:
    """Protects the dashboard's list to choose from."""
    names = [path.parent.name for path in models.policies_for("block")]
    assert {"block", "block-locked-wrist", "block-teacher"} <= set(names)
    assert not any("prism" in name for name in names)
