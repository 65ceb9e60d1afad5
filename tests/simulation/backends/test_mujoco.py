"""C MuJoCo's batch: the numbers of one simulation at a time on any number of threads; resets stay in their world."""

from __future__ import annotations

import copy

import mujoco
import numpy as np
import pytest
import torch

from dactyl.errors import DactylError
from dactyl.robot.parameters import from_vector
from dactyl.simulation import calibrated
from dactyl.simulation.backends import make_physics
from dactyl.simulation.backends.mujoco import BatchPhysics
from dactyl.simulation.model_fields import ModelFields, PhysicsFactors, nominal_factors
from dactyl.simulation.physics import PhysicsState
from dactyl.simulation.scene import Scene, SceneConfig, build
from tests.simulation.play import CPU, RandomPlay, everywhere, home, timesteps, varied


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build()


def _play(physics: BatchPhysics, factors: PhysicsFactors, steps: int) -> torch.Tensor:
    """State after random play."""
    physics.restore(everywhere(physics), home(physics.scene, physics.num_envs), factors)
    play = RandomPlay(physics.num_envs)
    for _ in range(steps):
        physics.state.targets[:] = play.targets(physics.state.qpos[:, :24])
        physics.step(timesteps(physics))
    return torch.cat([physics.state.qpos, physics.state.qvel], dim=1)


@pytest.mark.parametrize("kind", ["block", "octagonal_prism"])
def test_every_world_equals_a_simulation_of_its_own(kind: str) -> None:
    scene = build(SceneConfig(object=kind))
    factors = varied(scene, 3)
    batch = _play(BatchPhysics(scene, 3, threads=1), factors, 10)
    play, start = RandomPlay(3), home(scene, 3)
    datas = []
    for world in range(3):
        model = copy.copy(scene.model)
        for name, part, values in ModelFields(scene, CPU, torch.float64).of(factors):
            field = model.opt.gravity if name == "opt.gravity" else getattr(model, name)
            field[part] = values[world].numpy().reshape(np.shape(field[part]))
        data = mujoco.MjData(model)
        mujoco.mj_setConst(model, mujoco.MjData(model))
        data.qpos[:] = start.qpos[world]
        datas.append((model, data))
    for _ in range(10):
        targets = play.targets(torch.as_tensor(np.stack([data.qpos[:24] for _, data in datas])))
        for (model, data), target in zip(datas, targets, strict=True):
            data.ctrl[:] = target
            mujoco.mj_step(model, data, 10)
    alone = torch.as_tensor(np.stack([np.concatenate([data.qpos, data.qvel]) for _, data in datas]))
    torch.testing.assert_close(batch, alone, rtol=0, atol=0)


def test_the_number_of_threads_changes_nothing(scene: Scene) -> None:
    factors = varied(scene, 7)
    one, three = (_play(BatchPhysics(scene, 7, threads), factors, 8) for threads in (1, 3))
    assert torch.equal(one, three)


def test_a_reset_touches_only_the_masked_worlds(scene: Scene) -> None:
    factors = varied(scene, 4)
    mask = torch.tensor([False, True, False, True])
    physics, untouched = BatchPhysics(scene, 4, 1), BatchPhysics(scene, 4, 1)
    for each in (physics, untouched):
        _play(each, factors, 4)
        each.object_force[:] = 0.1
    start = home(scene, 4)
    physics.restore(mask, start, nominal_factors(scene, 4, CPU))
    for live, before, fresh in zip(physics.state, untouched.state, start, strict=True):
        torch.testing.assert_close(live[mask], fresh[mask], rtol=0, atol=0)
        torch.testing.assert_close(live[~mask], before[~mask], rtol=0, atol=0)
    assert physics.object_force[mask].abs().max() == 0
    assert (physics.object_force[~mask] == 0.1).all()
    for each in (physics, untouched):
        each.step(timesteps(each))
    torch.testing.assert_close(physics.state.qpos[~mask], untouched.state.qpos[~mask], rtol=0, atol=0)
    fresh_physics = BatchPhysics(scene, 4, 1)
    fresh_physics.restore(everywhere(fresh_physics), start, nominal_factors(scene, 4, CPU))
    fresh_physics.step(timesteps(fresh_physics))
    torch.testing.assert_close(physics.state.qpos[mask], fresh_physics.state.qpos[mask], rtol=0, atol=0)


def test_sites_are_those_of_the_state_after_a_step_and_a_reset(scene: Scene) -> None:
    physics = BatchPhysics(scene, 2, 1)
    data = mujoco.MjData(scene.model)
    _play(physics, nominal_factors(scene, 2, CPU), 3)
    for _ in range(2):
        data.qpos[:] = physics.state.qpos[1]
        mujoco.mj_kinematics(scene.model, data)
        np.testing.assert_allclose(physics.site_positions[1], data.site_xpos, atol=1e-12)
        np.testing.assert_allclose(physics.site_rotations[1].flatten(1), data.site_xmat, atol=1e-12)
        physics.restore(everywhere(physics), home(scene, 2), nominal_factors(scene, 2, CPU))


def test_each_physics_step_takes_its_own_time(scene: Scene) -> None:
    """A falling object's speed after a step is gravity times the time."""
    physics = BatchPhysics(scene, 2, 1)
    start = home(scene, 2)
    start.qpos[:, 24:27] = torch.tensor([0.0, 0.0, 2.0], dtype=torch.float64)
    physics.restore(everywhere(physics), start, nominal_factors(scene, 2, CPU))
    times = torch.tensor([[0.008, 0.010], [0.009, 0.008]], dtype=torch.float64)
    physics.step(times)
    torch.testing.assert_close(physics.state.qvel[:, 26], -9.81 * times.sum(0))


def test_the_force_pushes_the_object_in_the_world_frame(scene: Scene) -> None:
    physics = BatchPhysics(scene, 2, 1)
    start = home(scene, 2)
    start.qpos[:, 24:27] = torch.tensor([0.0, 0.0, 2.0], dtype=torch.float64)
    start.qpos[:, 27:] = torch.tensor([0.5, 0.5, 0.5, 0.5], dtype=torch.float64)
    physics.restore(everywhere(physics), start, nominal_factors(scene, 2, CPU))
    mass = float(scene.model.body_mass[scene.object_body])
    physics.object_force[1] = torch.tensor([mass, 0.0, 0.0])
    physics.step(timesteps(physics))
    torch.testing.assert_close(physics.state.qvel[:, 24], torch.tensor([0.0, 0.08], dtype=torch.float64))
    torch.testing.assert_close(physics.state.qvel[:, 27:], torch.zeros(2, 3, dtype=torch.float64))


def test_a_saved_simulation_goes_on_exactly(scene: Scene) -> None:
    factors = varied(scene, 3)
    physics, other = BatchPhysics(scene, 3, 1), BatchPhysics(scene, 3, 2)
    _play(physics, factors, 6)
    other.load_state_dict(physics.state_dict(), factors)
    for each in (physics, other):
        for _ in range(3):
            each.step(timesteps(each))
    assert torch.equal(physics.state.qpos, other.state.qpos)


def test_a_simulation_that_goes_wrong_is_counted_and_can_be_reset(scene: Scene) -> None:
    physics = BatchPhysics(scene, 2, 1)
    start = home(scene, 2)
    broken = PhysicsState(start.qpos.clone(), start.qvel.clone(), start.targets)
    broken.qvel[1, 0] = float("nan")
    assert physics.faults() == {"unstable": 0, "overflow": 0}
    physics.restore(everywhere(physics), broken, nominal_factors(scene, 2, CPU))
    physics.step(timesteps(physics))
    assert physics.faults()["unstable"] > 0
    assert physics.state.qpos[0].isfinite().all()
    physics.restore(everywhere(physics), start, nominal_factors(scene, 2, CPU))
    physics.step(timesteps(physics))
    torch.testing.assert_close(physics.state.qpos[1], physics.state.qpos[0], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("num_envs", "device", "threads", "message"),
    [
        (0, "cpu", 0, "0 worlds: at least 1 is needed"),
        (1, "cpu", -1, "-1 threads"),
        (1, "tpu", 0, "unknown device 'tpu': choose cpu, cuda, cuda:N or warp-cpu"),
        (1, "cuda:one", 0, "unknown device 'cuda:one'"),
        (1, "cudafish", 0, "unknown device 'cudafish'"),
    ],
)
def test_impossible_requests_are_refused(scene: Scene, num_envs: int, device: str, threads: int, message: str) -> None:
    with pytest.raises(DactylError, match=message):
        make_physics(scene, num_envs, device, threads)


def test_a_gpu_that_is_not_there_is_named(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DactylError, match="no CUDA device is available"):
        make_physics(scene, 1, "cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(DactylError, match="there are only 2 CUDA devices"):
        make_physics(scene, 1, "cuda:2")


def test_written_parameters_and_states_are_those_of_a_model_of_their_own() -> None:
    """Protects calibration, which puts states and parameters in without new constants; the others do not move."""
    scene = build()
    physics = BatchPhysics(scene, 3, 1)
    still = physics.state.qpos[2].clone()
    factor = np.array([1.0, 1.7])
    vectors = np.stack([scene.parameters.vector()] * 2) * factor[:, None]
    parameters = from_vector(scene.robot, vectors)
    qpos, qvel = np.tile(scene.model.qpos0, (2, 1)), np.full((2, scene.model.nv), 0.1)
    physics.begin(qpos, qvel)
    physics.write(calibrated.fields(scene.model, scene.robot, parameters))
    physics.state.targets[:] = 0.3
    physics.advance(20, 2)
    for world in range(2):
        model = copy.copy(scene.model)
        calibrated.apply(model, scene.robot, from_vector(scene.robot, vectors[world]))
        data = mujoco.MjData(model)
        data.qpos[:], data.qvel[:], data.ctrl[:] = qpos[world], qvel[world], 0.3
        mujoco.mj_step(model, data, 20)
        np.testing.assert_array_equal(physics.state.qpos[world].numpy(), data.qpos)
    assert torch.equal(physics.state.qpos[2], still)
