"""MJWarp: all worlds on one GPU (or, to test without one, on the CPU), single precision, zero-copy torch tensors.

A control step is one captured graph of physics steps, each with its own timesteps, ended by the kinematics of the new
state. Nothing here makes the host wait for the device but `faults`.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import mujoco
import mujoco_warp as mjw
import numpy as np
import torch
import warp as wp
from torch import Tensor

from dactyl.errors import DactylError
from dactyl.simulation.backends.inertia import InertialConstants
from dactyl.simulation.model_fields import ModelFields, PhysicsFactors
from dactyl.simulation.physics import PhysicsState
from dactyl.simulation.scene import Scene

MAX_CONTACTS = 24  # per world on average; in random play a world has 5 on average and 20 at most
MAX_CONSTRAINTS = 192  # rows of every world; at most 130 in random play
_log = logging.getLogger(__name__)
_UNSTABLE_ABOVE = 1e10  # mjMAXVAL: what C MuJoCo calls a bad position or velocity


class _Program(NamedTuple):
    """A captured sequence of physics steps."""

    graph: wp.Graph
    timesteps: Tensor
    """(substeps, N) s, read when the graph runs."""


class WarpPhysics:
    """See `physics.Physics`. Tensors are views of the simulator's own memory."""

    def __init__(
        self,
        scene: Scene,
        num_envs: int,
        device: str = "cuda:0",
        *,
        max_contacts: int = MAX_CONTACTS,
        max_constraints: int = MAX_CONSTRAINTS,
    ) -> None:
        """Allocate all worlds on a device.

        Args:
            scene: what is simulated.
            num_envs: N.
            device: "cuda:N", or "cpu" for tests.
            max_contacts: contacts that fit, per world on average; see `faults` for what happens when they don't.
            max_constraints: constraint rows that fit, in each world.

        Raises:
            DactylError: the buffers are too small even for an object at rest.
        """
        _check_buffers(scene, max_contacts, max_constraints)
        wp.config.log_level = wp.LOG_WARNING  # a line for each of 60 kernels otherwise
        self.scene, self.num_envs = scene, num_envs
        self.device = torch.device(f"cuda:{torch.cuda.current_device()}" if device == "cuda" else device)
        model = copy.copy(scene.model)
        # MuJoCo's own box against box routine, as C MuJoCo's: the general one finds other contacts, more slowly
        model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_NATIVECCD
        varying = [name for name in (*ModelFields.NAMES, *InertialConstants.NAMES) if not name.startswith("opt.")]
        with wp.ScopedDevice(str(self.device)):
            self._model = mjw.put_model(model, batch_sizes=dict.fromkeys(varying, num_envs))
            self._model.opt.gravity = wp.full(num_envs, wp.vec3(*model.opt.gravity), dtype=wp.vec3)
            self._model.opt.timestep = wp.full(num_envs, model.opt.timestep, dtype=float)
            self._model.opt.warn_overflow = False  # counted below instead of printed by the device
            self._data = mjw.make_data(
                model,
                num_envs,
                nconmax=max_contacts,
                nccdmax=min(max_contacts, _mesh_pairs(model)),
                njmax=max_constraints,
            )
        data = self._data
        self.state = PhysicsState(*(wp.to_torch(array) for array in (data.qpos, data.qvel, data.ctrl)))
        self.site_positions = wp.to_torch(data.site_xpos)
        self.site_rotations = wp.to_torch(data.site_xmat)
        self.object_force = wp.to_torch(data.xfrc_applied)[:, scene.object_body, :3]
        self._warmstart = wp.to_torch(data.qacc_warmstart)
        self._overflow = wp.to_torch(data.overflow)
        self._fields = ModelFields(scene, self.device, torch.float32)
        self._constants = InertialConstants(model, self.device, torch.float32)
        self._views = {name: wp.to_torch(getattr(self._model, name)) for name in varying}
        self._views["opt.gravity"] = wp.to_torch(self._model.opt.gravity)
        self._unstable_steps = torch.zeros((), dtype=torch.int64, device=self.device)
        self._overflow_steps = torch.zeros((), dtype=torch.int64, device=self.device)
        self._programs: dict[int, _Program] = {}
        self._run(0)

    def step(self, timesteps: Tensor) -> None:
        self._run(len(timesteps), timesteps)
        qpos, qvel, _ = self.state
        stable = (qpos.abs() < _UNSTABLE_ABOVE).all(1) & (qvel.abs() < _UNSTABLE_ABOVE).all(1)  # false for NaN
        self._unstable_steps += (~stable).sum()
        self._overflow_steps += (self._overflow != 0).sum()
        self._overflow.zero_()

    def restore(self, mask: Tensor, state: PhysicsState, factors: PhysicsFactors) -> None:
        fields = self._fields.of(factors)
        by_name = {field.name: field.values for field in fields}
        for name, index, values in [*fields, *self._constants.of(by_name["body_mass"], by_name["body_inertia"])]:
            self._put(mask, self._views[name][(slice(None), *index)], values)
        for live, values in zip(self.state, state, strict=True):
            self._put(mask, live, values)
        for live in (self._warmstart, self.object_force):
            self._put(mask, live, torch.zeros_like(live))
        self._run(0)

    def state_dict(self) -> dict[str, Tensor]:
        return {name: live.clone() for name, live in self._saved().items()}

    def load_state_dict(self, tensors: dict[str, Tensor], factors: PhysicsFactors) -> None:
        everywhere = torch.ones(self.num_envs, dtype=torch.bool, device=self.device)
        self.restore(everywhere, self.state, factors)
        for name, live in self._saved().items():
            live.copy_(tensors[name])
        self._run(0)

    def faults(self) -> dict[str, int]:
        """Control steps, summed over worlds, that ended in a world's numbers out of bounds, or that lacked room for
        contacts or constraints (those without room are left out; when contacts overflow, every world counts)."""
        return {"unstable": int(self._unstable_steps), "overflow": int(self._overflow_steps)}

    def _saved(self) -> dict[str, Tensor]:
        return {
            **self.state._asdict(),
            "warmstart": self._warmstart,
            "object_force": self.object_force,
        }

    @staticmethod
    def _put(mask: Tensor, live: Tensor, values: Tensor) -> None:
        """Overwrite the rows of mask (N,) without asking the device which those are."""
        rows = mask.reshape(-1, *[1] * (live.ndim - 1))
        live.copy_(torch.where(rows, values.reshape(live.shape).to(live.dtype), live))

    def _run(self, substeps: int, timesteps: Tensor | None = None) -> None:
        """Launch that many physics steps and the kinematics of the state after them."""
        program = self._programs.get(substeps)
        if program is not None:
            if timesteps is not None:
                program.timesteps.copy_(timesteps)
            with self._ordered():
                wp.capture_launch(program.graph)
            return
        if substeps:
            _log.info("preparing the simulator's kernels; the first time on a machine this takes minutes")
        with self._ordered():
            buffer = wp.zeros((substeps, self.num_envs), dtype=float)
        live = wp.to_torch(buffer)
        if timesteps is not None:
            live.copy_(timesteps)
        with self._ordered():
            self._simulate(buffer)  # for real: it compiles what is missing, which old drivers can't while capturing
            with wp.ScopedCapture() as capture:
                self._simulate(buffer)
        self._programs[substeps] = _Program(capture.graph, live)

    def _simulate(self, timesteps: wp.array) -> None:
        for i in range(len(timesteps)):
            wp.copy(self._model.opt.timestep, timesteps[i])
            mjw.step(self._model, self._data)
        mjw.kinematics(self._model, self._data)

    @contextmanager
    def _ordered(self) -> Iterator[None]:
        """Warp's launches in here come after torch's work so far and before its work to come.

        Torch and Warp each have a stream of their own (and only Warp's can be captured: torch's default one is the
        legacy stream). Two events on the device order them; the host does not wait.
        """
        with wp.ScopedDevice(str(self.device)) as device:
            if not device.is_cuda:
                yield
                return
            ours = torch.cuda.current_stream(self.device)
            warps = torch.cuda.ExternalStream(device.stream.cuda_stream, device=self.device)
            warps.wait_stream(ours)
            yield
            ours.wait_stream(warps)


def _mesh_pairs(model: mujoco.MjModel) -> int:
    """How many pairs of geoms can meet in a world of which one is a mesh: those need large buffers."""
    mesh = model.geom_type == mujoco.mjtGeom.mjGEOM_MESH
    meets = (model.geom_contype[:, None] & model.geom_conaffinity) != 0
    return int(np.triu((meets | meets.T) & (mesh[:, None] | mesh), k=1).sum())


def _check_buffers(scene: Scene, max_contacts: int, max_constraints: int) -> None:
    """Compare with what C MuJoCo needs while the object settles on the open hand."""
    data = mujoco.MjData(scene.model)
    contacts = constraints = 0
    for _ in range(100):
        mujoco.mj_step(scene.model, data)
        contacts, constraints = max(contacts, data.ncon), max(constraints, data.nefc)
    if max_contacts < contacts or max_constraints < constraints:
        raise DactylError(
            f"simulation buffers for {max_contacts} contacts and {max_constraints} constraint rows per world are too "
            f"small: an object at rest needs {contacts} and {constraints}"
        )
