"""Group `physics`: every row of Table 1, drawn as the table says and arriving in the model that is stepped."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import torch
from scipy import stats

from dactyl.environment.randomization import PhysicsRandomization
from dactyl.environment.randomization.random import Random
from dactyl.robots.shadow.joints import ACTUATORS, JOINTS
from dactyl.simulation.backends.mujoco import BatchPhysics
from dactyl.simulation.model_fields import PhysicsFactors
from dactyl.simulation.scene import Scene, SceneConfig, build

ENVS = 4000


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build()


@pytest.fixture(scope="module")
def factors(scene: Scene) -> PhysicsFactors:
    return PhysicsRandomization().sample(scene, ENVS, Random(0, torch.device("cpu")))


TABLE_1 = {
    "object_size": (stats.uniform(0.95, 0.1), ()),
    "masses": (stats.uniform(0.5, 1.0), (28,)),
    "friction": (stats.uniform(0.7, 0.6), ()),
    "damping": (stats.loguniform(0.3, 3.0), (len(JOINTS),)),
    "gains": (stats.loguniform(0.75, 1.5), (len(ACTUATORS),)),
    "joint_limits": (stats.norm(0, 0.15), (len(JOINTS), 2)),
    "gravity": (stats.norm(0, 0.4), (3,)),
    "gravity_compensation": (stats.uniform(0.0, 1.0), ()),  # not in the table: it lets masses and gravity act
}


@pytest.mark.parametrize("row", TABLE_1)
def test_drawn_as_table_1_says(factors, row):
    distribution, shape = TABLE_1[row]
    values = getattr(factors, row)
    assert values.shape == (ENVS, *shape)
    for column in values.reshape(ENVS, -1).T[::7]:
        assert stats.kstest(column.double().numpy(), distribution.cdf).pvalue > 0.001


def test_every_link_joint_and_actuator_has_its_own(factors):
    """Independent columns; only the object's three dimensions, and all surfaces' friction, share one factor."""
    drawn = factors._replace(rolling=torch.empty(ENVS, 0))  # a block's is not
    columns = torch.cat([values.reshape(ENVS, -1) for values in drawn], dim=1)
    correlations = np.corrcoef(columns.numpy().T) - np.eye(columns.shape[1])
    assert np.abs(correlations).max() < 0.09  # five standard deviations


def test_all_rows_arrive_in_the_model(scene, factors):
    """What C MuJoCo steps with is the nominal model times the factors, in every environment its own."""
    physics = BatchPhysics(scene, 3, threads=1)
    three = PhysicsFactors(*(factor[:3] for factor in factors))
    physics.restore(torch.ones(3, dtype=torch.bool), physics.state, three)
    nominal, geom, body = scene.model, scene.object_geom, scene.object_body
    for world in range(3):
        model: mujoco.MjModel = physics._batch.get_model(world)
        size, masses, friction, rolling, damping, gains, limits, gravity, compensation = (
            factor[world].double().numpy() for factor in three
        )

        def close(actual: np.ndarray, expected: np.ndarray) -> None:
            np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-9)

        close(model.geom_size[geom], nominal.geom_size[geom] * size)
        assert rolling == 1.0
        close(model.geom_friction, nominal.geom_friction * friction)
        close(model.body_mass, nominal.body_mass * masses)
        others = np.arange(nominal.nbody) != body
        close(model.body_inertia[others], (nominal.body_inertia * masses[:, None])[others])
        close(model.body_inertia[body], nominal.body_inertia[body] * masses[body] * size**2)
        close(model.dof_damping[:24], nominal.dof_damping[:24] * damping)
        close(model.actuator_gainprm[:, 0], nominal.actuator_gainprm[:, 0] * gains)
        close(model.actuator_biasprm[:, 1], -model.actuator_gainprm[:, 0])  # or the joints would drift off
        close(model.jnt_range[:24], nominal.jnt_range[:24] + limits)
        close(model.opt.gravity, nominal.opt.gravity + gravity)
        close(model.body_gravcomp, [0.0, *[compensation] * (body - 1), 0.0])  # not the world's, not the object's
        mujoco.mj_setConst(model, mujoco.MjData(model))  # all that follows from these is already up to date
        for derived in ("dof_invweight0", "body_invweight0", "body_subtreemass", "actuator_acc0", "dof_M0"):
            close(getattr(physics._batch.get_model(world), derived), getattr(model, derived))


def test_the_hands_weight_pulls_on_it_as_far_as_nobody_carries_it(scene):
    """With all of it carried, whatever masses and gravity are drawn would do nothing to the hand."""
    physics = BatchPhysics(scene, 3, threads=1)
    factors = PhysicsRandomization().sample(scene, 3, Random(0, torch.device("cpu")))
    factors = factors._replace(gravity_compensation=torch.tensor([0.0, 0.5, 1.0]))
    physics.restore(torch.ones(3, dtype=torch.bool), physics.state, factors)
    torques = []
    for world in range(3):
        data = mujoco.MjData(physics._batch.get_model(world))
        mujoco.mj_forward(data.model, data)
        carried = data.qfrc_gravcomp[scene.joints]
        torques.append(np.abs(data.qfrc_bias[scene.joints] - carried).max())
    assert torques[0] > 0.1  # N·m
    assert 0.03 < torques[1] < torques[0]
    assert torques[2] < 1e-6


def test_limits_never_cross(scene):
    """With 0.15 rad of noise the thumb's 24° of THJ3 can turn inside out; MuJoCo would then push both ways at once."""
    wild = PhysicsRandomization(joint_limits=1.0).sample(scene, 50, Random(0, torch.device("cpu")))
    physics = BatchPhysics(scene, 50, threads=1)
    physics.restore(torch.ones(50, dtype=torch.bool), physics.state, wild)
    for world in range(50):
        lower, upper = physics._batch.get_model(world).jnt_range[:24].T
        assert (upper - lower > 0.019).all()


def test_links_may_have_a_range_of_their_own(scene: Scene) -> None:
    """Table IV of the humanoid's paper varies the object alone; and what is drawn otherwise stays as it was."""
    plain = PhysicsRandomization().sample(scene, 500, Random(0, torch.device("cpu")))
    own = PhysicsRandomization(robot_masses=(1.0, 1.0)).sample(scene, 500, Random(0, torch.device("cpu")))
    assert (own.masses[:, scene.robot_bodies] == 1.0).all()
    assert torch.equal(own.masses[:, scene.object_body], plain.masses[:, scene.object_body])
    for name in set(PhysicsFactors._fields) - {"masses"}:
        assert torch.equal(getattr(own, name), getattr(plain, name)), name


def test_what_rolls_is_resisted_in_each_world_by_another_amount() -> None:
    """The authors' sphere failed on their robot: nothing of how it rolls had been randomized, they say."""
    ball = build(SceneConfig(object="sphere"))
    physics = BatchPhysics(ball, 3, threads=1)
    factors = PhysicsRandomization().sample(ball, ENVS, Random(0, torch.device("cpu")))
    assert stats.kstest(factors.rolling.double().numpy(), stats.loguniform(0.3, 3.0).cdf).pvalue > 0.001
    physics.restore(torch.ones(3, dtype=torch.bool), physics.state, PhysicsFactors(*(factor[:3] for factor in factors)))
    for world in range(3):
        model = physics._batch.get_model(world)
        assert model.geom_condim[ball.object_geom] == 6
        sliding, torsion, rolling = model.geom_friction[ball.object_geom] / ball.model.geom_friction[ball.object_geom]
        np.testing.assert_allclose(sliding, factors.friction[world], rtol=1e-6)
        np.testing.assert_allclose([torsion, rolling], sliding * float(factors.rolling[world]), rtol=1e-6)


def test_a_block_is_drawn_as_before_there_was_rolling(scene: Scene) -> None:
    """Protects what policies were judged in: nothing more is drawn for what does not roll."""
    assert (PhysicsRandomization().sample(scene, 5, Random(0, torch.device("cpu"))).rolling == 1.0).all()
    assert scene.model.geom_condim[scene.object_geom] == 4
