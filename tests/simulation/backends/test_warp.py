"""MJWarp against C MuJoCo, and what a GPU asks for: masked resets, no waiting for the device, counted overflows.

Here it runs on the CPU device, through the same captured graphs. The first run on a machine compiles for a minute.
"""

from __future__ import annotations

import pytest
import torch

from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.environment import Environment
from dactyl.environment.randomization import select
from dactyl.errors import DactylError
from dactyl.simulation.backends import make_physics
from dactyl.simulation.backends.mujoco import BatchPhysics
from dactyl.simulation.model_fields import PhysicsFactors, nominal_factors
from dactyl.simulation.physics import PhysicsState
from dactyl.simulation.scene import Scene, SceneConfig, build
from tests.simulation.play import CPU, RandomPlay, everywhere, home, timesteps, varied
from tests.simulation.synchronization import forbidden

pytest.importorskip("mujoco_warp")

from dactyl.simulation.backends.warp import WarpPhysics

pytestmark = pytest.mark.timeout(900)  # for the first run on a busy machine
WORLDS = 4


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build()


@pytest.fixture(scope="module")
def physics(scene: Scene) -> WarpPhysics:
    return WarpPhysics(scene, WORLDS, "cpu")


@pytest.fixture(autouse=True)
def start(request: pytest.FixtureRequest, scene: Scene) -> None:
    """Every test finds the shared worlds at home, unvaried."""
    if "physics" in request.fixturenames:
        physics = request.getfixturevalue("physics")
        physics.restore(everywhere(physics), single(home(scene, WORLDS)), nominal_factors(scene, WORLDS, CPU))


def single(state: PhysicsState) -> PhysicsState:
    return PhysicsState(*(values.float() for values in state))


def settled(scene: Scene, factors: PhysicsFactors) -> BatchPhysics:
    """C MuJoCo's worlds after the object has come to rest."""
    batch = BatchPhysics(scene, len(factors.friction), threads=1)
    batch.restore(everywhere(batch), home(scene, batch.num_envs), factors)
    for _ in range(10):
        batch.step(timesteps(batch))
    return batch


def disagreement(batch: BatchPhysics, warp: WarpPhysics, factors: PhysicsFactors) -> tuple[float, float]:
    """Largest difference in joint angles, rad, and object positions, m, after 50 steps of play from the same state."""
    state = PhysicsState(*(values.clone() for values in batch.state))
    batch.restore(everywhere(batch), state, factors)
    warp.restore(everywhere(warp), single(state), factors)
    play = RandomPlay(batch.num_envs)
    for _ in range(5):
        targets = play.targets(batch.state.qpos[:, :24])
        for each in (batch, warp):
            each.state.targets[:] = targets
            each.step(timesteps(each))
    difference = (batch.state.qpos - warp.state.qpos).abs()
    torch.testing.assert_close(warp.site_positions.double(), batch.site_positions, rtol=0, atol=5e-3)
    return difference[:, :24].max().item(), difference[:, 24:27].max().item()


def test_both_simulators_agree_on_the_block(scene: Scene, physics: WarpPhysics) -> None:
    factors = varied(scene, WORLDS)
    angle, distance = disagreement(settled(scene, factors), physics, factors)
    assert angle < 1e-5
    assert distance < 1e-5
    assert physics.faults() == {"unstable": 0, "overflow": 0}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "angle_tolerance", "distance_tolerance"),
    [
        (SceneConfig(object="sphere"), 1e-5, 1e-5),
        (SceneConfig(locked_wrist=True), 1e-5, 1e-5),
        # mesh against box: the two find a different number of contacts now and then
        (SceneConfig(object="octagonal_prism"), 2e-3, 2e-3),
    ],
    ids=["sphere", "locked wrist", "octagonal prism"],
)
def test_both_simulators_agree_on_every_scene(
    config: SceneConfig, angle_tolerance: float, distance_tolerance: float
) -> None:
    scene = build(config)
    factors = varied(scene, WORLDS)
    angle, distance = disagreement(settled(scene, factors), WarpPhysics(scene, WORLDS, "cpu"), factors)
    assert angle < angle_tolerance
    assert distance < distance_tolerance


def test_masses_that_change_without_their_constants_would_not_agree(
    scene: Scene, physics: WarpPhysics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why `inertia` exists: contacts are regularised with the inverse weights of the changed masses."""
    factors = varied(scene, WORLDS)
    monkeypatch.setattr(physics._constants, "of", lambda *_: [])
    _, distance = disagreement(settled(scene, factors), physics, factors)
    assert distance > 5e-5


def test_a_reset_touches_only_the_masked_worlds(scene: Scene, physics: WarpPhysics) -> None:
    physics.restore(everywhere(physics), single(home(scene, WORLDS)), varied(scene, WORLDS))
    play = RandomPlay(WORLDS)
    for _ in range(3):
        physics.state.targets[:] = play.targets(physics.state.qpos[:, :24])
        physics.object_force[:] = 0.1
        physics.step(timesteps(physics))
    before = PhysicsState(*(values.clone() for values in physics.state))
    fields = {name: values.clone() for name, values in physics._views.items()}
    mask = torch.tensor([True, False, False, True])
    physics.restore(mask, single(home(scene, WORLDS)), nominal_factors(scene, WORLDS, CPU))
    for live, old, new in zip(physics.state, before, single(home(scene, WORLDS)), strict=True):
        assert torch.equal(live[~mask], old[~mask])
        assert torch.equal(live[mask], new[mask])
    changed = set()
    for name, values in physics._views.items():
        assert torch.equal(values[~mask], fields[name][~mask]), name
        if not torch.equal(values[mask], fields[name][mask]):
            changed.add(name)
    assert {"body_mass", "geom_size", "geom_friction", "opt.gravity", "body_invweight0", "jnt_range"} <= changed
    assert physics.object_force[mask].abs().max() == 0
    assert (physics.object_force[~mask] == 0.1).all()


def test_a_world_gone_wrong_is_counted_stays_alone_and_can_be_reset(scene: Scene, physics: WarpPhysics) -> None:
    before = physics.faults()["unstable"]
    physics.state.qvel[1, 3] = float("nan")
    physics.step(timesteps(physics))
    physics.step(timesteps(physics))
    assert physics.faults()["unstable"] == before + 2
    assert physics.state.qpos[[0, 2, 3]].isfinite().all()
    mask = torch.tensor([False, True, False, False])
    physics.restore(mask, single(home(scene, WORLDS)), nominal_factors(scene, WORLDS, CPU))
    reference = physics.state.qpos[1].clone()
    physics.step(timesteps(physics))
    once = physics.state.qpos[1].clone()
    physics.restore(everywhere(physics), single(home(scene, WORLDS)), nominal_factors(scene, WORLDS, CPU))
    assert torch.equal(physics.state.qpos[1], reference)
    physics.step(timesteps(physics))
    assert torch.equal(physics.state.qpos[1], once)
    assert physics.faults()["unstable"] == before + 2


def test_a_saved_simulation_goes_on_exactly(scene: Scene, physics: WarpPhysics) -> None:
    factors = varied(scene, WORLDS)
    physics.restore(everywhere(physics), single(home(scene, WORLDS)), factors)
    physics.step(timesteps(physics))
    saved = physics.state_dict()
    ends = []
    for _ in range(2):
        physics.load_state_dict(saved, factors)
        for _ in range(2):
            physics.step(timesteps(physics))
        ends.append(physics.state.qpos.clone())
    assert torch.equal(*ends)


def test_each_physics_step_takes_its_own_time(scene: Scene, physics: WarpPhysics) -> None:
    """Also with another number of steps than the graph captured first, and with the graph's second run."""
    falling = single(home(scene, WORLDS))
    falling.qpos[:, 24:27] = torch.tensor([0.0, 0.0, 2.0])
    for substeps in (10, 10, 2, 2):
        times = 0.008 + 0.001 * torch.rand(substeps, WORLDS)
        physics.restore(everywhere(physics), falling, nominal_factors(scene, WORLDS, CPU))
        physics.step(times)
        torch.testing.assert_close(physics.state.qvel[:, 26], -9.81 * times.sum(0))


def test_sites_follow_a_reset_at_once(scene: Scene, physics: WarpPhysics) -> None:
    batch = BatchPhysics(scene, WORLDS, 1)
    state = home(scene, WORLDS)
    state.qpos[:, :24] = 0.1
    for each, moved in ((physics, single(state)), (batch, state)):
        each.restore(everywhere(each), moved, nominal_factors(scene, WORLDS, CPU))
    torch.testing.assert_close(physics.site_positions.double(), batch.site_positions, rtol=0, atol=1e-6)
    torch.testing.assert_close(physics.site_rotations.double(), batch.site_rotations, rtol=0, atol=1e-5)


def test_neither_a_step_nor_a_reset_waits_for_the_device(
    scene: Scene, physics: WarpPhysics, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, factors = single(home(scene, WORLDS)), varied(scene, WORLDS)
    mask, times = torch.tensor([True, False, True, False]), timesteps(physics)
    physics.step(times)
    with forbidden(monkeypatch):
        physics.step(times)
        physics.restore(mask, state, factors)


def test_the_whole_control_step_of_the_environment_does_not_wait_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """Actions, randomizations, physics, observations, reward, masked reset, and the tending of initial states."""
    environment = Environment(EnvironmentConfig(start_steps=3), 4, device="warp-cpu")
    environment.reset()
    bins = torch.randint(11, (4, 20))
    environment.step(bins)
    with forbidden(monkeypatch):
        for _ in range(4):
            environment.step(bins)


@pytest.mark.slow
@pytest.mark.parametrize("randomizations", ["none", "all"])
def test_the_environment_is_the_same_on_both(randomizations: str) -> None:
    """From one seed: the same random numbers in the same places, the same physics, so nearly the same outcome."""
    config = EnvironmentConfig(start_steps=1, randomization=select(randomizations))
    both = [Environment(config, 4, seed=3, device=device, threads=1) for device in ("cpu", "warp-cpu")]
    both[0]._looks_first = False  # as on a GPU, which draws for resets that turn out to be none
    bins = torch.randint(11, (4, 4, 20), generator=torch.Generator().manual_seed(0))
    outcomes = [[each.reset(), *(each.step(action).observations for action in bins)] for each in both]
    for ours, theirs in zip(*outcomes, strict=True):
        for network in ours:
            torch.testing.assert_close(ours[network], theirs[network], rtol=1e-2, atol=2e-3)


@pytest.mark.slow
def test_contacts_and_constraints_without_room_are_counted(scene: Scene) -> None:
    small = WarpPhysics(scene, 2, "cpu", max_contacts=10, max_constraints=64)
    state = single(home(scene, 2))
    state.qpos[:, 2:24] = 1.2  # a fist around the object: far more contacts than at rest
    small.restore(everywhere(small), state, nominal_factors(scene, 2, CPU))
    small.step(timesteps(small))
    assert small.faults()["overflow"] > 0


@pytest.mark.parametrize(("contacts", "constraints"), [(2, 192), (24, 10), (0, 0)])
def test_buffers_too_small_for_an_object_at_rest_are_refused(scene: Scene, contacts: int, constraints: int) -> None:
    with pytest.raises(DactylError, match="too small: an object at rest needs"):
        WarpPhysics(scene, 2, "cpu", max_contacts=contacts, max_constraints=constraints)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_agrees_and_never_makes_the_host_wait(scene: Scene) -> None:
    gpu = make_physics(scene, WORLDS, "cuda")
    factors = PhysicsFactors(*(values.cuda() for values in varied(scene, WORLDS)))
    batch = settled(scene, varied(scene, WORLDS))
    state = PhysicsState(*(values.float().cuda() for values in batch.state))
    play, mask = RandomPlay(WORLDS), torch.ones(WORLDS, dtype=torch.bool, device="cuda")
    gpu.step(timesteps(gpu).cuda())
    torch.cuda.set_sync_debug_mode("error")
    gpu.restore(mask, state, factors)
    torch.cuda.set_sync_debug_mode("default")
    batch.restore(everywhere(batch), PhysicsState(*(values.clone() for values in batch.state)), varied(scene, WORLDS))
    for _ in range(5):
        targets = play.targets(batch.state.qpos[:, :24])
        batch.state.targets[:] = targets
        gpu.state.targets[:] = targets.cuda()
        batch.step(timesteps(batch))
        times = timesteps(gpu).cuda()
        torch.cuda.set_sync_debug_mode("error")
        gpu.step(times)
        torch.cuda.set_sync_debug_mode("default")
    difference = (batch.state.qpos - gpu.state.qpos.cpu()).abs()
    assert difference[:, :24].max() < 1e-4
    assert difference[:, 24:27].max() < 1e-4
    assert gpu.faults() == {"unstable": 0, "overflow": 0}
