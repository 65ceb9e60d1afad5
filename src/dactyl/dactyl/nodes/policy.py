"""Runs the policy: one action every 80 ms from fingertips, object pose and goal."""

from __future__ import annotations

import array
import sys
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np
import torch
from geometry_msgs.msg import PoseStamped

from dactyl import objects, topics
from dactyl.environment import task as tasks
from dactyl.errors import DactylError
from dactyl.learning.policy import Policy
from dactyl.registry import DEFAULTS
from dactyl.robot import control, robot
from dactyl.robot.ticks import Ticks
from dactyl.ros import messages
from dactyl.ros.node import DactylNode, Diagnosis, run, warning
from dactyl.ros.parameters import parameter
from dactyl.ros.settings import add_setting
from dactyl_msgs.msg import FingertipPositions, HandAction, TrialStatus

_SIGNALS = {"fingertips", "object_position", "object_orientation", "goal", "smoothed_action"}
"""What is measured."""


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    robot: str = parameter(DEFAULTS["robots"], "Name of the robot.")
    policy: str = parameter("", "Policy file (.safetensors).")
    object: str = parameter("", "Object it has to turn; refuses a policy for another one. Empty: any.")
    object_pose: str = parameter("mocap", "Source of the object's pose.", choices=("mocap", "vision"))
    deterministic: bool = parameter(False, "Take the most likely bins instead of drawing them.")
    seed: int = parameter(0, "Of the drawn actions, together with the trial's number.", minimum=0)
    max_reading_age: float = parameter(
        0.16,
        "Without newer fingertips or object pose than this, s, the policy does not act.",
        minimum=0.0,
        maximum=10.0,
    )
    max_status_age: float = parameter(
        inf, "Without a newer trial/status than this, s, nobody referees and the policy does not act.", minimum=0.08
    )
    max_fingertip_age: float = parameter(
        2.0, "A fingertip hidden for longer than this, s, stops the policy.", minimum=0.0, maximum=60.0
    )
    grace: float = parameter(
        0.02, "How late fingertips may be before the last ones are used, s.", minimum=0.001, maximum=0.08
    )
    lockstep: bool = parameter(False, "Act only when fingertips, object pose, status and goal carry the tick's stamp.")


class Readings(NamedTuple):
    """What a decision is made on."""

    fingertips: FingertipPositions
    pose: PoseStamped
    goal: PoseStamped


class PolicyNode(DactylNode):
    """fingertips, object pose, goal, trial/status -> action."""

    def __init__(self) -> None:
        super().__init__("policy")
        torch.set_num_threads(1)
        self.settings = settings = self.declare(Parameters)
        if not settings.policy:
            raise DactylError("parameter policy is empty: it names the policy file")
        self.robot = robot.load(settings.robot)
        self.generator = torch.Generator()
        self._load(settings.policy)
        contract = self.policy.contract
        add_setting(self, "load", settings.policy, "Another policy file, to go on with.", self.on_load)

        self.ticks = Ticks(self.robot.timing.control)
        self.fingertips: FingertipPositions | None = None
        self.pose: PoseStamped | None = None
        self.goal: PoseStamped | None = None
        self.status = TrialStatus(state=TrialStatus.FINISHED)
        self.acted_ns = -1
        self.trial: int | None = None
        """The trial it acts in; None between trials."""
        self.actions = 0
        self.problem = ""
        self.action = HandAction(robot=self.robot.name)
        """The last one sent."""
        self.sequence = 0
        self.action_publisher = self.create_publisher(HandAction, topics.ACTION, messages.RELIABLE)
        self.create_subscription(FingertipPositions, topics.FINGERTIPS, self.on_fingertips, messages.SENSOR)
        self.create_subscription(PoseStamped, topics.object_pose(settings.object_pose), self.on_pose, messages.SENSOR)
        self.create_subscription(PoseStamped, topics.GOAL, self.on_goal, messages.LATCHED)
        self.create_subscription(TrialStatus, topics.STATUS, self.on_status, messages.LATCHED)
        if not settings.lockstep:
            self.wall_timer(settings.grace, self.on_grace)
        untrained = " (untrained)" if contract.trained.get("untrained") else ""
        self.get_logger().info(f"{settings.policy}{untrained}")

    def _load(self, path: str) -> None:
        policy = Policy.load(path, self.settings.object or None)
        terms = tuple(term for term, _ in policy.contract.observation)
        task, shape = tasks.load(DEFAULTS["tasks"]), objects.load(policy.contract.object)
        if unknown := [term for term in terms if not set(task.term(term).needs) <= _SIGNALS]:
            raise DactylError(f"the policy needs {min(unknown)}, which the robot does not measure")
        self.task, self.object = task, shape
        self.policy, self.terms, self.state = policy, terms, policy.initial_state(1)
        self.smoothed = np.zeros(len(self.robot.actuators), np.float32)
        """The action after the moving average, as the filter has it."""
        self._warm_up()

    def on_load(self, path: str) -> None:
        """Go on with another policy; filter and driver were set up for the first one's contract."""
        contract, now = Policy.load(path).contract, self.policy.contract
        for name in ("smoothing", "action_origin", "action_scale", "locked_wrist"):
            if getattr(contract, name) != getattr(now, name):
                raise DactylError(f"{path} has {name} {getattr(contract, name)} where the graph runs with another one")
        self._load(path)
        self.trial = None  # it begins as in a new trial
        self.get_logger().info(f"goes on with {path}")

    def on_fingertips(self, message: FingertipPositions) -> None:
        self.fingertips = message
        if self.settings.lockstep:
            self._act_in_lockstep()
        elif self.ticks.due(stamp_ns := messages.nanoseconds(message.header.stamp)):
            self._act(stamp_ns)

    def on_pose(self, message: PoseStamped) -> None:
        self.pose = message
        self._act_in_lockstep()

    def on_goal(self, message: PoseStamped) -> None:
        self.goal = message
        self._act_in_lockstep()

    def on_status(self, message: TrialStatus) -> None:
        self.status = message
        if message.state != TrialStatus.RUNNING:
            self.trial = None
            self.problem = ""
        self._act_in_lockstep()

    def on_grace(self) -> None:
        """Act on the last readings where no new ones came in time."""
        now_ns = self.get_clock().now().nanoseconds
        tick_ns = self.ticks.overdue(now_ns, round(self.settings.grace * 1e9))
        if tick_ns is not None:
            self._act(tick_ns)

    def diagnose(self) -> Diagnosis:
        values = {"actions per s": self.actions}
        self.actions = 0
        if self.fingertips is None or self.pose is None:
            return warning(f"no {'object pose' if self.fingertips else 'fingertips'}", **values)
        if self.problem:
            return warning(self.problem, **values)
        return Diagnosis(values=values) if self.trial is not None else Diagnosis("no trial is running", values=values)

    def _warm_up(self) -> None:
        """The first call of a network takes many times longer than the others."""
        for _ in range(3):
            self.policy.step(np.zeros((1, self.policy.contract.inputs)), self.state, generator=self.generator)

    def _act_in_lockstep(self) -> None:
        status, readings = self.status, self._readings()
        if not self.settings.lockstep or readings is None:
            return
        stamps = (status.header.stamp, readings.fingertips.header.stamp, readings.pose.header.stamp)
        current = stamps[0] == stamps[1] == stamps[2] and status.goal_stamp == readings.goal.header.stamp
        if not current:
            return
        if (tick_ns := messages.nanoseconds(status.header.stamp)) != self.acted_ns:
            self._act(tick_ns)
        elif status.state == TrialStatus.RUNNING:
            self.action_publisher.publish(self.action)  # sensors are sent again because an action did not arrive

    def _act(self, tick_ns: int) -> None:
        if self.status.state != TrialStatus.RUNNING:
            return
        try:
            readings = self._fresh_readings(tick_ns)
            if self.status.trial != self.trial:
                self._start_trial(self.status.trial)
            observed = self._observe(readings)
            bins, self.state = self.policy.step(observed, self.state, self.settings.deterministic, self.generator)
        except DactylError as error:
            if str(error) != self.problem:
                self.get_logger().warning(f"not acting: {error}", throttle_duration_sec=1.0)
            self.problem = str(error)
            return
        self.problem = ""
        self._publish(bins[0].numpy(), readings, tick_ns)

    def _start_trial(self, trial: int) -> None:
        self.trial = trial
        self.sequence = 0
        self.state = self.policy.initial_state(1)
        self.smoothed[:] = 0.0
        self.generator.manual_seed(int(np.random.SeedSequence([self.settings.seed, trial]).generate_state(1)[0]))

    def _readings(self) -> Readings | None:
        if None in (self.fingertips, self.pose, self.goal):
            return None
        return Readings(self.fingertips, self.pose, self.goal)

    def _fresh_readings(self, tick_ns: int) -> Readings:
        """The last readings; DactylError if one is missing or too old to act on."""
        readings = self._readings()
        if readings is None:
            raise DactylError("not everything has been sensed yet")
        for name, message in (("fingertips", readings.fingertips), ("object pose", readings.pose)):
            age = (tick_ns - messages.nanoseconds(message.header.stamp)) * 1e-9
            if age > self.settings.max_reading_age:
                raise DactylError(f"no new {name} for more than {self.settings.max_reading_age:g} s")
        if (tick_ns - messages.nanoseconds(self.status.header.stamp)) * 1e-9 > self.settings.max_status_age:
            raise DactylError(f"no new trial/status for more than {self.settings.max_status_age:g} s")
        ages, expected = np.asarray(readings.fingertips.age), len(self.robot.fingertips)
        if len(ages) != expected or len(readings.fingertips.positions) != expected:
            raise DactylError(f"fingertips of a robot that has {len(ages)}, not {expected}")
        if not ages.max(initial=0.0) <= self.settings.max_fingertip_age:
            finger = self.robot.fingertips[int(np.argmax(np.nan_to_num(ages, nan=np.inf)))]
            raise DactylError(f"fingertip {finger} not seen for more than {self.settings.max_fingertip_age:g} s")
        return readings

    def _observe(self, readings: Readings) -> np.ndarray:
        """The policy's observation, (1, inputs)."""
        signals = {
            "fingertips": np.array([[p.x, p.y, p.z] for p in readings.fingertips.positions]),
            "object_position": messages.position(readings.pose.pose),
            "object_orientation": messages.orientation(readings.pose.pose.orientation),
            "goal": messages.orientation(readings.goal.pose.orientation),
            "smoothed_action": self.smoothed,
        }
        observed: np.ndarray = self.task.observe(signals, self.terms, self.object)
        return observed[None]

    def _publish(self, bins: np.ndarray, readings: Readings, tick_ns: int) -> None:
        action = self.action
        messages.set_stamp(action.header.stamp, tick_ns)
        action.bins = array.array("B", bins.astype(np.uint8).tobytes())
        new = control.action_from_bins(bins, self.policy.contract.bins)
        action.action = messages.to_floats(new)
        self.smoothed = control.smooth(self.smoothed, new, self.policy.contract.smoothing)
        action.fingertips_stamp = readings.fingertips.header.stamp
        action.object_pose_stamp = readings.pose.header.stamp
        action.goal_stamp = readings.goal.header.stamp
        action.sequence = self.sequence
        self.action_publisher.publish(action)
        self.sequence += 1
        self.acted_ns = tick_ns
        self.actions += 1


def main() -> int:
    return run(PolicyNode)


if __name__ == "__main__":
    sys.exit(main())
