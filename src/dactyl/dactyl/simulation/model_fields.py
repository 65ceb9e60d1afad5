"""Per-environment physics: how the factors of Table 1 turn into fields of the MuJoCo model, for every backend alike."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dactyl.simulation.scene import Scene

MINIMAL_JOINT_RANGE = 0.02  # rad between limits that noise has moved towards each other


class PhysicsFactors(NamedTuple):
    """Deviations from the scene's nominal physics; leading dimension environments (N,)."""

    object_size: Tensor
    """(N,) factor on the object's dimensions."""
    masses: Tensor
    """(N, bodies) factor on each body's mass and inertia."""
    friction: Tensor
    """(N,) factor on all surfaces' friction coefficients."""
    rolling: Tensor
    """(N,) further factor on those of torsional and rolling friction."""
    damping: Tensor
    """(N, J) factor on joint damping."""
    gains: Tensor
    """(N, A) factor on the actuators' proportional gains; on the torques of those that take torques."""
    joint_limits: Tensor
    """(N, J, 2) rad added to lower and upper joint limits."""
    gravity: Tensor
    """(N, 3) m/s² added to gravity, world frame."""
    gravity_compensation: Tensor
    """(N,) share of the robot's own weight that its controllers carry."""


def nominal_factors(scene: Scene, num_envs: int, device: torch.device) -> PhysicsFactors:
    """Factors that change nothing."""
    joints, bodies, actuators = len(scene.robot.joints), scene.model.nbody, scene.model.nu
    one = torch.ones(num_envs, device=device)
    return PhysicsFactors(
        object_size=one,
        masses=one[:, None].repeat(1, bodies),
        friction=one.clone(),
        rolling=one.clone(),
        damping=one[:, None].repeat(1, joints),
        gains=one[:, None].repeat(1, actuators),
        joint_limits=torch.zeros(num_envs, joints, 2, device=device),
        gravity=torch.zeros(num_envs, 3, device=device),
        gravity_compensation=scene.gravity_compensation * one,
    )


class ModelField(NamedTuple):
    """A part of a model field with its per-environment values."""

    name: str
    """Field of MjModel; 'opt.gravity' for gravity."""
    part: tuple[int | slice, ...]
    """Which part of the field, after the leading environment dimension."""
    values: Tensor
    """(N, …) in the shape of that part."""


class ModelFields:
    """The scene's nominal model fields on a device, and what factors make of them."""

    NAMES = (
        "geom_size", "geom_rbound", "geom_aabb", "geom_friction", "geom_dataid", "body_mass", "body_inertia",
        "dof_damping", "actuator_gainprm", "actuator_biasprm", "jnt_range", "opt.gravity",
        "body_gravcomp",
    )  # fmt: skip
    """Every field that can vary between environments."""

    def __init__(self, scene: Scene, device: torch.device, dtype: torch.dtype) -> None:
        model = scene.model
        self._joints = scene.joints
        self._robot_bodies = scene.robot_bodies
        self._bodies = len(range(*scene.robot_bodies.indices(model.nbody)))
        self._object_geom, self._object_body = scene.object_geom, scene.object_body
        self._mesh_ids = torch.as_tensor(scene.object_mesh_ids, device=device)
        self._mesh_scales = torch.as_tensor(np.array(scene.object.mesh_scales), device=device, dtype=dtype)

        def nominal(values: np.ndarray) -> Tensor:
            return torch.as_tensor(np.asarray(values), device=device, dtype=dtype)

        self._size = nominal(model.geom_size[scene.object_geom])
        self._rbound = nominal(model.geom_rbound[scene.object_geom])
        self._aabb = nominal(model.geom_aabb[scene.object_geom])
        self._friction = nominal(model.geom_friction)
        self._mass = nominal(model.body_mass)
        self._inertia = nominal(model.body_inertia)
        self._damping = nominal(model.dof_damping[scene.joints])
        self._gain = nominal(model.actuator_gainprm[:, 0])
        self._bias = nominal(model.actuator_biasprm[:, 1])  # -gain of those that follow positions, else 0
        self._range = nominal(model.jnt_range[scene.joints])
        self._gravity = nominal(model.opt.gravity)

    def of(self, factors: PhysicsFactors) -> list[ModelField]:
        """The fields of environments with these factors."""
        dtype = self._mass.dtype
        own = PhysicsFactors(*(factor.to(dtype) for factor in factors))
        size, masses, damping, gains, limits = own.object_size, own.masses, own.damping, own.gains, own.joint_limits
        friction = torch.stack([own.friction, *[own.friction * own.rolling] * 2], dim=-1)  # sliding, torsion, rolling
        everything, joints = (slice(None),), self._joints
        mesh: list[ModelField] = []
        if len(self._mesh_ids):  # a mesh cannot be scaled: the nearest of the scene's variants stands in
            nearest = (size[:, None] - self._mesh_scales).abs().argmin(dim=1)
            size = self._mesh_scales[nearest]
            mesh = [ModelField("geom_dataid", (self._object_geom,), self._mesh_ids[nearest])]
        inertia = self._inertia * masses[..., None]
        inertia[:, self._object_body] *= size[:, None] ** 2
        centre = 0.5 * (self._range + limits).sum(-1, keepdim=True)
        lower = torch.minimum(self._range[..., :1] + limits[..., :1], centre - 0.5 * MINIMAL_JOINT_RANGE)
        upper = torch.maximum(self._range[..., 1:] + limits[..., 1:], centre + 0.5 * MINIMAL_JOINT_RANGE)
        geom = (self._object_geom,)
        return [
            *mesh,
            ModelField("geom_size", geom, self._size * size[:, None]),
            ModelField("geom_rbound", geom, self._rbound * size),
            ModelField("geom_aabb", geom, self._aabb * size[:, None]),
            ModelField("geom_friction", everything, self._friction * friction[:, None]),
            ModelField("body_mass", everything, self._mass * masses),
            ModelField("body_inertia", everything, inertia),
            ModelField("dof_damping", (joints,), self._damping * damping),
            ModelField("actuator_gainprm", (slice(None), 0), self._gain * gains),
            ModelField("actuator_biasprm", (slice(None), 1), self._bias * gains),
            ModelField("jnt_range", (joints,), torch.cat([lower, upper], dim=-1)),
            ModelField("opt.gravity", everything, self._gravity + own.gravity),
            ModelField(
                "body_gravcomp", (self._robot_bodies,), own.gravity_compensation[:, None].expand(-1, self._bodies)
            ),
        ]
