"""What the simulated hand takes and refuses; what it publishes is tested in the running graph."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped

from dactyl.environment.laboratory import Laboratory
from dactyl.errors import DactylError
from dactyl.nodes.sim import Sim
from dactyl.robots.shadow import ros as shadow_ros
from dactyl.robots.shadow.joints import ACTUATORS
from dactyl.ros import messages
from dactyl.simulation.scene import build
from dactyl_msgs.msg import TrialStatus

TOPIC = "/rh_trajectory_controller/command"


@pytest.fixture
def sim(make_node: Callable[..., Sim]) -> Sim:
    return make_node(Sim, lockstep="true")


def test_commands_are_applied_once(sim: Sim) -> None:
    """Protects a freshly placed object: the driver goes on streaming the targets of the trial before."""
    commands = shadow_ros.encode("trajectory", 0.008, np.full(len(ACTUATORS), 0.1), 1)
    sim.on_command(TOPIC, commands[TOPIC])
    sim._apply_commands()
    assert np.count_nonzero(sim.laboratory.targets == 0.1) == 18
    sim.laboratory.targets[:] = 0.0
    sim.on_command(TOPIC, commands[TOPIC])
    sim._apply_commands()
    assert not sim.laboratory.targets.any()


def test_nan_targets_are_refused_and_counted(sim: Sim) -> None:
    """Protects the physics, as Shadow's controllers protect the hand."""
    sim.on_command(TOPIC, shadow_ros.encode("trajectory", 0.008, np.full(len(ACTUATORS), np.nan), 1)[TOPIC])
    sim._apply_commands()
    assert np.isfinite(sim.laboratory.targets).all()
    assert sim.refused == {"not finite": 1}
    assert sim.diagnose().message == "commands were refused"


def test_lockstep_needs_stamped_commands(make_node: Callable[..., Sim]) -> None:
    """Protects users from a simulation that waits for a stamp that never comes."""
    with pytest.raises(DactylError, match="lockstep needs interface = trajectory"):
        make_node(Sim, lockstep="true", interface="position")


def test_stamps_follow_the_machines_clock_where_they_are_to(sim: Sim) -> None:
    """Protects the emulated lab: a simulation that was late does not stay late, and stamps never go back."""
    due = time.monotonic() - 0.02
    sim._follow_machine_clock(due)
    behind = time.time_ns() - sim.time_ns - sim.step_ns - (time.monotonic() - due) * 1e9
    assert -1e6 < behind < sim.step_ns + 5e7
    assert sim.time_ns % sim.step_ns == 0
    before = sim.time_ns
    sim._follow_machine_clock(due + 1.0)
    assert sim.time_ns >= before


def test_while_the_operator_has_the_hand_it_takes_no_commands(sim: Sim) -> None:
    """Protects a freshly placed object: a hold that takes its time would drag the hand back to where it was."""
    before = sim.laboratory.targets.copy()
    sim.status = TrialStatus(state=TrialStatus.AWAITING_OBJECT)
    sim.on_command(TOPIC, shadow_ros.encode("trajectory", 0.008, np.full(len(ACTUATORS), 0.1), 1)[TOPIC])
    sim._apply_commands()
    sim.status = TrialStatus(state=TrialStatus.RUNNING)
    sim._apply_commands()
    np.testing.assert_array_equal(sim.laboratory.targets, before)


def test_time_begins_once_the_witnesses_listen(make_node: Callable[..., Sim]) -> None:
    """Protects bags and scores from a run that began before anybody looked."""
    sim = make_node(Sim, lockstep="true", witnesses="2")
    time.sleep(0.3)
    assert sim.time_ns == sim.period_ns
    assert sim.diagnose().message == "time has not begun: too few listen to object_pose/truth"
    assert sim.truth_publisher is not None
    assert sim.truth_publisher.topic_name == "/object_pose/truth"
    sent: list[PoseStamped] = []
    sim.truth_publisher.publish = sent.append
    sim._publish_truth()
    (message,) = sent
    position, orientation = sim.laboratory.object_pose()
    np.testing.assert_array_equal(messages.position(message.pose), position)
    np.testing.assert_allclose(messages.orientation(message.pose.orientation), orientation, atol=1e-12)


def test_nobody_is_told_the_truth_unasked(sim: Sim) -> None:
    """Protects policies from a topic that no real robot has."""
    assert sim.truth_publisher is None


def test_friction_is_scaled(make_node: Callable[..., Sim]) -> None:
    slippery = make_node(Sim, lockstep="true", friction="0.5").laboratory.model
    np.testing.assert_allclose(slippery.geom_friction, 0.5 * build().model.geom_friction)


def test_the_object_is_pushed_while_a_trial_runs_if_somebody_asked_for_it(make_node: Callable[..., Sim]) -> None:
    """Protects Figure 5's robustness (Lin et al.), and the operator, whom nobody pushes."""
    sim = make_node(Sim, lockstep="true", push="2.0", push_probability="1.0")
    force = sim.laboratory.data.xfrc_applied[sim.laboratory.scene.object_body]
    sim._push()
    assert not force.any(), "no trial runs"
    sim.status = TrialStatus(state=TrialStatus.RUNNING)
    sim._push()
    assert force[:3].any()
    assert not force[3:].any()


@pytest.mark.parametrize("lockstep", ["true", "false"])
def test_pushes_go_on_once_a_control_step(
    make_node: Callable[..., Sim], monkeypatch: pytest.MonkeyPatch, lockstep: str
) -> None:
    """Protects their probability and decay, which are those of a control step, in either loop."""
    steps: list[int] = []
    monkeypatch.setattr(Sim, "_answered", lambda self: True)
    monkeypatch.setattr(Laboratory, "push", lambda self, handled: steps.append(0))
    monkeypatch.setattr(Laboratory, "step", lambda self, substeps=1: steps.append(steps.pop() + substeps))
    steps.append(0)  # physics steps before the first push, and then after each
    sim = make_node(Sim, lockstep=lockstep)
    deadline = time.monotonic() + 20.0
    while len(steps) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    sim.stopping.set()
    assert steps[1:4] == [sim.robot.timing.substeps] * 3


def test_nothing_is_pushed_unasked(sim: Sim) -> None:
    sim.status = TrialStatus(state=TrialStatus.RUNNING)
    sim._push()
    assert not sim.laboratory.data.xfrc_applied.any()
