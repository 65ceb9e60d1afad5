"""The constants of changed masses are those that mj_setConst computes."""

from __future__ import annotations

import copy

import mujoco
import numpy as np
import pytest
import torch

from dactyl import objects
from dactyl.simulation.backends.inertia import InertialConstants
from dactyl.simulation.scene import SceneConfig, build


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-3)])
@pytest.mark.parametrize("kind", objects.names())
def test_constants_equal_mujocos(kind: str, dtype: torch.dtype, tolerance: float) -> None:
    model = build(SceneConfig(object=kind)).model
    generator = np.random.default_rng(0)
    masses = model.body_mass * generator.uniform(0.5, 1.5, (3, model.nbody))
    inertias = model.body_inertia * generator.uniform(0.5, 1.5, (3, model.nbody, 1))
    constants = InertialConstants(model, torch.device("cpu"), dtype)
    fields = constants.of(torch.as_tensor(masses).to(dtype), torch.as_tensor(inertias).to(dtype))
    assert tuple(field.name for field in fields) == InertialConstants.NAMES
    for world in range(len(masses)):
        changed = copy.copy(model)
        changed.body_mass[:], changed.body_inertia[:] = masses[world], inertias[world]
        mujoco.mj_setConst(changed, mujoco.MjData(changed))
        for field in fields:
            np.testing.assert_allclose(field.values[world], getattr(changed, field.name), rtol=tolerance)
