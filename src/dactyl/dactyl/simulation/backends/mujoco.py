"""C MuJoCo on CPU threads: `mujoco.batch.Batch` with per-simulation model fields, double precision, repeatable."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import mujoco
import numpy as np
import torch
from mujoco.batch import Batch
from torch import Tensor

from dactyl.simulation.calibrated import Field
from dactyl.simulation.model_fields import ModelFields, PhysicsFactors
from dactyl.simulation.physics import PhysicsState
from dactyl.simulation.scene import Scene

_UNSTABLE = (mujoco.mjtWarning.mjWARN_BADQPOS, mujoco.mjtWarning.mjWARN_BADQVEL, mujoco.mjtWarning.mjWARN_BADQACC)
_OVERFLOW = (mujoco.mjtWarning.mjWARN_CONTACTFULL, mujoco.mjtWarning.mjWARN_CNSTRFULL)


class BatchPhysics:
    """See `physics.Physics`. Tensors are views of the simulator's own memory."""

    def __init__(self, scene: Scene, num_envs: int, threads: int = 0) -> None:
        self.scene, self.num_envs, self.device = scene, num_envs, torch.device("cpu")
        model = copy.copy(scene.model)
        model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET  # what went wrong shows, here and on the GPU
        self._batch = Batch(model, num_envs, threads)
        self.state = PhysicsState(
            *(torch.from_numpy(self._batch.bind(name)) for name in ("qpos", "qvel", "ctrl")),
        )
        self.object_force = torch.from_numpy(self._batch.bind("xfrc_applied"))[:, scene.object_body, :3]
        self._warmstart = torch.from_numpy(self._batch.bind("qacc_warmstart"))
        self.site_positions = self._output("site_xpos")
        self.site_rotations = self._output("site_xmat").unflatten(-1, (3, 3))
        self._timestep = torch.from_numpy(self._batch.expand("opt.timestep"))
        self._fields = ModelFields(scene, self.device, torch.float64)
        self._model = {name: torch.from_numpy(self._batch.expand(name)) for name in ModelFields.NAMES}
        self._batch.forward()

    def _output(self, name: str) -> Tensor:
        output = self._batch.bind(name)
        output.flags.writeable = True  # torch knows no read-only tensors; nothing here writes to it
        return torch.from_numpy(output)

    def step(self, timesteps: Tensor) -> None:
        last = len(timesteps) - 1
        for i, timestep in enumerate(timesteps):
            self._timestep[:] = timestep
            stage = mujoco.mjtStage.mjSTAGE_POS if i == last else mujoco.mjtStage.mjSTAGE_NONE  # sites at the new state
            self._batch.step(stage=stage.value)

    def advance(self, steps: int, count: int) -> None:
        """Advance the first `count` environments by steps of the nominal time. Faster: sites stay where they were."""
        self._timestep[:] = self.scene.model.opt.timestep
        self._batch.step(np.arange(count), nstep=steps, stage=mujoco.mjtStage.mjSTAGE_NONE.value)

    def restore(self, mask: Tensor, state: PhysicsState, factors: PhysicsFactors) -> None:
        ids = mask.nonzero().squeeze(-1)
        if len(ids) == 0:
            return
        for name, part, values in self._fields.of(PhysicsFactors(*(factor[ids] for factor in factors))):
            self._model[name][(ids, *part)] = values.to(self._model[name].dtype)
        for field, values in zip(self.state, state, strict=True):
            field[ids] = values[ids].to(field.dtype)
        self._warmstart[ids] = 0.0
        self.object_force[ids] = 0.0
        self._batch.set_const(ids.numpy())
        self._batch.forward(ids.numpy(), stage=mujoco.mjtStage.mjSTAGE_POS.value)

    def begin(self, qpos: np.ndarray, qvel: np.ndarray) -> None:
        """Put the first n environments into states (n, nq) and (n, nv), whatever their physics. Sites stay."""
        count = len(qpos)
        self.state.qpos[:count] = torch.from_numpy(qpos)
        self.state.qvel[:count] = torch.from_numpy(qvel)
        self._warmstart[:count] = 0.0

    def write(self, fields: Iterable[Field]) -> None:
        """Put values, (n, …) each, into parts of the first n environments' model fields: such as no constant needs.

        `restore` puts back those that it writes itself.
        """
        for name, part, values in fields:
            if name not in self._model:
                self._model[name] = torch.from_numpy(self._batch.expand(name))
            self._model[name][(slice(len(values)), *part)] = torch.from_numpy(values)

    def state_dict(self) -> dict[str, Tensor]:
        return {"state": torch.from_numpy(self._batch.state).clone()}

    def load_state_dict(self, tensors: dict[str, Tensor], factors: PhysicsFactors) -> None:
        self.restore(torch.ones(self.num_envs, dtype=torch.bool), self.state, factors)
        torch.from_numpy(self._batch.state).copy_(tensors["state"])
        self._batch.forward(stage=mujoco.mjtStage.mjSTAGE_POS.value)

    def faults(self) -> dict[str, int]:
        counts = self._batch.warning[..., 1]
        return {
            "unstable": int(counts[:, [int(w) for w in _UNSTABLE]].sum()),
            "overflow": int(counts[:, [int(w) for w in _OVERFLOW]].sum()),
        }
