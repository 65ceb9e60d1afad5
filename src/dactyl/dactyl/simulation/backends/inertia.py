"""What mj_setConst derives from masses and inertias, for many environments: matrix products, not hundreds of kernels.

At the reference pose the mass matrix is linear in the masses and inertias of the bodies, and the inverse weights are
linear in its inverse. Both maps are constant: they are computed once, with MuJoCo's own Jacobians.
"""

from __future__ import annotations

import mujoco
import numpy as np
import torch
from torch import Tensor

from dactyl.simulation.model_fields import ModelField


class InertialConstants:
    """The constants of one model that contacts and limits are regularised with; no host synchronisation."""

    def __init__(self, model: mujoco.MjModel, device: torch.device, dtype: torch.dtype) -> None:
        """Linearise about qpos0.

        Args:
            model: has only hinges, fixed tendons and free bodies that turn about their centre of mass.
            device: of all tensors.
            dtype: of all tensors.
        """
        nv, bodies = model.nv, range(model.nbody)
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        moving = np.empty((model.nbody, 3, nv))  # of centres of mass
        turning = np.empty((model.nbody, 3, nv))
        for body in bodies:
            mujoco.mj_jacBodyCom(model, data, moving[body], turning[body], body)
        about_axes = np.einsum("bji,bjv->biv", data.ximat.reshape(-1, 3, 3), turning)  # principal axes of inertia
        joint = model.dof_jntid
        free = model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE
        rotational = np.arange(nv) - model.jnt_dofadr[joint] >= 3
        same = (joint[:, None] == joint) & (rotational[:, None] == rotational)  # a free joint's axes share their mean
        averaged = np.where(free[:, None], same / 3.0, np.eye(nv))
        tendons = np.zeros((model.ntendon, nv))
        for tendon in range(model.ntendon):
            wraps = model.tendon_adr[tendon] + np.arange(model.tendon_num[tendon])
            tendons[tendon, model.jnt_dofadr[model.wrap_objid[wraps]]] = model.wrap_prm[wraps]
        fixed = model.body_weldid == 0
        below = np.array([[_is_ancestor(model, upper, lower) for upper in bodies] for lower in bodies])

        def constant(values: np.ndarray, *shape: int) -> Tensor:
            return torch.as_tensor(np.ascontiguousarray(values).reshape(shape), device=device, dtype=dtype)

        self._armature = constant(np.diag(model.dof_armature), nv, nv)
        self._of_mass = constant(np.einsum("biv,biw->bvw", moving, moving), -1, nv * nv)
        self._of_inertia = constant(np.einsum("biv,biw->bivw", about_axes, about_axes), -1, nv * nv)
        mean = [np.einsum("biv,biw->bvw", J, J) / 3.0 * ~fixed[:, None, None] for J in (moving, turning)]
        self._body = constant(np.stack(mean, axis=1), -1, nv * nv)
        self._dof = constant(np.einsum("av,vw->avw", averaged, np.eye(nv)), -1, nv * nv)
        self._tendon = constant(np.einsum("tv,tw->tvw", tendons, tendons), -1, nv * nv)
        self._subtree = constant(below, model.nbody, model.nbody)

    def of(self, mass: Tensor, inertia: Tensor) -> list[ModelField]:
        """The constants of environments with these body masses (N, bodies) and principal inertias (N, bodies, 3)."""
        count, nv = len(mass), len(self._armature)
        matrix = (mass @ self._of_mass + inertia.flatten(1) @ self._of_inertia).unflatten(1, (nv, nv)) + self._armature
        inverse = torch.linalg.inv_ex(matrix).inverse.flatten(1)  # inv itself would wait for the device
        everything = (slice(None),)
        return [
            ModelField("body_subtreemass", everything, mass @ self._subtree),
            ModelField("body_invweight0", everything, (inverse @ self._body.T).unflatten(1, (-1, 2))),
            ModelField("dof_invweight0", everything, inverse @ self._dof.T),
            ModelField("tendon_invweight0", everything, (inverse @ self._tendon.T).reshape(count, -1)),
        ]

    NAMES = ("body_subtreemass", "body_invweight0", "dof_invweight0", "tendon_invweight0")


def _is_ancestor(model: mujoco.MjModel, upper: int, lower: int) -> bool:
    while lower > upper:
        lower = model.body_parentid[lower]
    return lower == upper
