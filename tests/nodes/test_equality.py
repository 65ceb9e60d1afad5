"""The environment policies are trained in and the graph they are run in are the same control loop, bit by bit."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator

import mujoco
import numpy as np
import pytest
import torch

from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.environment import Environment
from dactyl.environment.randomization import select
from dactyl.robot import control
from dactyl.robots.shadow import ROBOT
from dactyl.robots.shadow.joints import ACTUATORS, JOINTS
from dactyl.tasks.reorient import TASK
from dactyl.tasks.reorient.rules import ReorientRules

pytest.importorskip("rclpy", reason="needs ROS: run with ./dactyl test")

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState

from dactyl import topics
from dactyl.bringup.graph import Graph
from dactyl.bringup.options import SimOptions
from dactyl.bringup.processes import Runner
from dactyl.bringup.run import sim_graph
from dactyl.environment.laboratory import Laboratory
from dactyl.robot.control import ActionMeaning
from dactyl.ros import messages
from dactyl.ros.apart import node_apart
from dactyl_msgs.msg import HandAction, TrialStatus

JOINT_STATES = topics.of_simulated_hand(topics.JOINT_STATES)
SEED, STEPS, MAX_SETTLING = 3, 60, 100
PERIOD_NS = 80_000_000
SCRIPT = np.random.default_rng(0).integers(ROBOT.action.bins, size=(STEPS, len(ACTUATORS)))


ORIGIN = str(sim_graph(SimOptions()).node("hand_driver").parameters["action_origin"])


def still(angles: np.ndarray) -> np.ndarray:
    """(A,) float32, the action that holds the hand where its joints have these angles (J,), rad."""
    held = control.holding(ROBOT.actuator_positions(angles), ROBOT.actuator_limits, ORIGIN)
    return held.astype(np.float32)


class ScriptedPolicy:
    """Stands in for the policy node: plays one action of the script a tick and records the joint angles."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.actions = self.node.create_publisher(HandAction, "action", messages.RELIABLE)
        self.node.create_subscription(TrialStatus, "trial/status", self.on_status, messages.LATCHED)
        every_reading = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
        self.node.create_subscription(JointState, JOINT_STATES, self.on_joint_states, every_reading)
        self.status, self.action = TrialStatus(state=TrialStatus.FINISHED), HandAction(robot="shadow")
        self.angles: dict[int, np.ndarray] = {}
        self.start_ns: int | None = None
        self.played = 0

    def on_status(self, status: TrialStatus) -> None:
        self.status = status
        self.act()

    def on_joint_states(self, message: JointState) -> None:
        self.angles[messages.nanoseconds(message.header.stamp)] = np.array(message.position)
        self.act()

    def act(self) -> None:
        """Play the next action once status and angles of the tick are here, the last one when readings are repeated."""
        stamp_ns = messages.nanoseconds(self.status.header.stamp)
        if self.status.state != TrialStatus.RUNNING or stamp_ns not in self.angles:
            return
        self.start_ns = self.start_ns or stamp_ns
        if self.status.header.stamp != self.action.header.stamp:
            if self.played == STEPS:
                return
            self.action.header.stamp = self.status.header.stamp
            self.action.sequence = self.played
            self.action.action = control.as_action(SCRIPT[self.played], ROBOT.action.bins).tolist()
            self.action.start = [] if self.played else still(self.angles[stamp_ns]).tolist()
            self.played += 1
        self.actions.publish(self.action)

    def play(self, timeout: float) -> None:
        """Until the script is played and its outcome is seen."""
        end = time.monotonic() + timeout
        with SingleThreadedExecutor(context=self.node.context) as executor:
            executor.add_node(self.node)
            while self.start_ns is None or self.start_ns + STEPS * PERIOD_NS not in self.angles:
                assert time.monotonic() < end, f"{self.played} of {STEPS} actions were played within {timeout} s"
                executor.spin_once(timeout_sec=0.1)


def graph_without_policy() -> Graph:
    """In lockstep, without noise; backlash is a randomization and is off here as in the environment."""
    graph = sim_graph(SimOptions(lockstep=True, headless=True, seed=SEED))
    changes = {"sim": {"marker_noise": 0.0}, "action_filter": {"backlash": False}}
    nodes = (
        dataclasses.replace(node, parameters={**node.parameters, **changes.get(node.name, {})})
        for node in graph.nodes
        if node.name in ("sim", "fingertip_tracker", "trial", "action_filter", "hand_driver")
    )
    return dataclasses.replace(graph, nodes=tuple(nodes))


@pytest.fixture
def played(ros_domain: int) -> Iterator[ScriptedPolicy]:
    lines: list[str] = []
    stop = threading.Event()
    runner = threading.Thread(target=Runner(graph_without_policy(), lines.append).run, args=[stop])
    with node_apart("policy", namespace="/dactyl") as node:
        policy = ScriptedPolicy(node)
        runner.start()
        try:
            policy.play(timeout=60.0)
            yield policy
        finally:
            print("".join(lines))
            stop.set()
            runner.join()


def start_state(environment: Environment, angles: np.ndarray) -> torch.Tensor:
    """The simulator's whole state, (1, n), when the joints were at these angles: the same lab with the same seed."""
    lab = Laboratory(environment.scene, TASK, SEED, 0.0, ActionMeaning(environment.config.action_origin))
    lab.place_object(0)
    for _ in range(MAX_SETTLING):
        if (lab.data.qpos[: len(JOINTS)] == angles).all():
            state = np.empty(mujoco.mj_stateSize(lab.model, mujoco.mjtState.mjSTATE_INTEGRATION))
            mujoco.mj_getState(lab.model, lab.data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
            return torch.from_numpy(state)[None]
        lab.step(ROBOT.timing.substeps)
    raise AssertionError("the graph's simulation never was in a state that the same laboratory goes through")


def test_the_same_actions_move_the_hand_alike_in_the_environment_and_in_the_graph(played: ScriptedPolicy) -> None:
    environment = Environment(
        EnvironmentConfig(
            randomization=select("none"),
            rules=ReorientRules(),
            action_origin=ORIGIN,
            start_steps=1,
            reset_pool=0.0,
        )
    )
    environment.reset()
    assert played.start_ns is not None
    begun = played.angles[played.start_ns]
    state = {"physics.state": start_state(environment, begun), "smoothed": torch.from_numpy(still(begun))[None]}
    environment.load_state_dict({**environment.state_dict(), **state})

    moved = 0.0
    for k, bins in enumerate(torch.from_numpy(SCRIPT)):
        environment.step(bins[None])
        angles = environment.physics.state.qpos[0, : len(JOINTS)].numpy()
        expected = played.angles[played.start_ns + (k + 1) * PERIOD_NS]
        np.testing.assert_array_equal(angles, expected, err_msg=f"after action {k}")
        moved = max(moved, float(np.abs(angles - played.angles[played.start_ns]).max()))
    assert moved > 0.3, "the script did not move the hand"
