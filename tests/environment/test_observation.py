"""The networks' inputs: Table 2."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dactyl.environment import observation
from dactyl.errors import DactylError

TABLE_2 = {
    "fingertip_positions": 15,
    "object_position": 3,
    "object_orientation": 4,
    "target_orientation": 4,
    "relative_target_orientation": 4,
    "joint_angles": 24,
    "joint_velocities": 24,
    "object_velocity": 3,
    "object_angular_velocity": 4,
}


MORE = {"symmetric_orientation": 4, "smoothed_action": 20}


def test_terms_are_table_2s():
    """And two of our own, which nobody gets who does not ask for them."""
    assert observation.TERMS == TABLE_2 | MORE
    assert tuple(TABLE_2) == observation.VALUE_TERMS
    # without the object's orientation, which the authors left out by accident (footnote 4)
    assert observation.POLICY_TERMS == ("fingertip_positions", "object_position", "relative_target_orientation")
    assert observation.size(observation.POLICY_TERMS) == 22
    assert observation.size(observation.VALUE_TERMS) == 85


def test_unknown_terms_are_refused():
    with pytest.raises(DactylError, match=r"'touch'.*choose from fingertip_positions"):
        observation.size(["object_position", "touch"])


@pytest.mark.parametrize("array", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def test_terms_are_joined_in_the_order_asked_for(array):
    """Policy files store the order; a policy fed another one would still run, and do nonsense."""
    values = {name: array(np.full((2, size), i, np.float32)) for i, (name, size) in enumerate(TABLE_2.items())}
    joined = np.asarray(observation.assemble(values, ("object_velocity", "object_position")))
    np.testing.assert_array_equal(joined, [[7] * 3 + [1] * 3] * 2)
    everything = np.asarray(observation.assemble(values, observation.VALUE_TERMS))
    np.testing.assert_array_equal(everything[0], np.repeat(np.arange(9), list(TABLE_2.values())))
