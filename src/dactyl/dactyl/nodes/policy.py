"""Runs the policy: one action each control step, from what its observation needs."""

from __future__ import annotations

import array
import sys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any

import numpy as np
import torch
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped
from rclpy.subscription import Subscription
from sensor_msgs.msg import Image, JointState

from dactyl import objects, topics
from dactyl.environment import task as tasks
from dactyl.errors import DactylError
from dactyl.learning.policy import Policy
from dactyl.robot import control, robot
from dactyl.robot.driver import JointOrder
from dactyl.robot.ticks import Ticks
from dactyl.ros import messages
from dactyl.ros.node import DactylNode, Diagnosis, run, warning
from dactyl.ros.parameters import JOINT_STATES, parameter
from dactyl.ros.polling import NotExecuted, subscribe, take
from dactyl.ros.segmented import Seen, Segmented
from dactyl.ros.settings import add_setting
from dactyl_msgs.msg import FingertipPositions, HandAction, TrialStatus

FINGERTIPS, POSE, JOINTS, GOAL = "fingertips", "object pose", "joint states", "goal"
"""What a decision may be made on, as people call it."""
SIGNALS = {
    FINGERTIPS: {"fingertips"},
    POSE: {"object_position", "object_orientation"},
    JOINTS: {"joint_angles", "joint_velocities"},
    GOAL: {"goal"},
}
"""The signals that each of them gives. Sensors come before the goal: the first one that is needed sets the pace."""
POSTURES = 16  # joint states kept: 128 ms of the Shadow hand's
_OWN = {"smoothed_action"}
"""Signals that the node has of itself."""


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    policy: str = parameter("", "Policy file (.safetensors).")
    object: str = parameter("", "Object it has to turn; refuses a policy for another one. Empty: any.")
    object_pose: str = parameter("mocap", "Source of the object's pose.", choices=("mocap", "vision"))
    joint_states: str = parameter(topics.JOINT_STATES, JOINT_STATES)
    deterministic: bool = parameter(False, "Take the most likely bins instead of drawing them.")
    seed: int = parameter(0, "Of the drawn actions, together with the trial's number.", minimum=0)
    max_reading_age: float = parameter(
        0.16,
        "Without newer readings of every sensor than this, s, the policy does not act.",
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
        0.02, "How late readings may be before the last ones are used, s.", minimum=0.001, maximum=0.08
    )
    lockstep: bool = parameter(False, "Act only when all readings, status and goal carry the tick's stamp.")


class PolicyNode(DactylNode):
    """fingertips, object pose, joint states, depth images and masks, goal, trial/status -> action.

    Robot and task are the policy's own. Only what its observation needs is subscribed to. Images come last of a moment,
    and so set the pace where a policy sees any.
    """

    def __init__(self) -> None:
        super().__init__("policy")
        torch.set_num_threads(1)
        self.settings = settings = self.declare(Parameters)
        if not settings.policy:
            raise DactylError("parameter policy is empty: it names the policy file")
        self.generator = torch.Generator()
        self.needed: tuple[str, ...] = ()
        """What decisions are made on: names of images, and keys of SIGNALS."""
        self._load(settings.policy)
        contract = self.policy.contract
        add_setting(self, "load", settings.policy, "Another policy file, to go on with.", self.on_load)

        self.robot = robot.load(contract.robot)
        self.order = JointOrder(self.robot)
        self.ticks = Ticks(self.robot.timing.control)
        self.readings: dict[str, Any] = {}
        """The last message of each that is needed."""
        self.postures: deque[JointState] = deque(maxlen=POSTURES)
        """The last joint states, for smoothing to start from those of its time."""
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
        self.polled: list[tuple[Subscription, Callable[[Any], None]]] = []
        """In real time a step begins with the first sensor; the others are looked at then, and now and then."""
        self._subscribe()
        self.create_subscription(TrialStatus, topics.STATUS, self.on_status, messages.LATCHED)
        if not settings.lockstep:
            self.wall_timer(settings.grace, self.on_grace)
        untrained = " (untrained)" if contract.trained.get("untrained") else ""
        self.get_logger().info(f"{settings.policy}{untrained}")

    def _subscribe(self) -> None:
        sources: dict[str, tuple[type, str, Any, Any]] = {
            FINGERTIPS: (FingertipPositions, topics.FINGERTIPS, self.on_fingertips, messages.SENSOR),
            POSE: (PoseStamped, topics.object_pose(self.settings.object_pose), self.on_pose, messages.SENSOR),
            JOINTS: (JointState, self.settings.joint_states, self.on_joint_states, messages.JOINTS),
            GOAL: (PoseStamped, topics.GOAL, self.on_goal, messages.LATCHED),
        }
        group = NotExecuted()
        for name in self.images:
            eye = Segmented(name, self.robot.eyes[name])
            for topic, join in ((topics.image(name), eye.on_depth), (topics.mask(name), eye.on_mask)):
                self.create_subscription(Image, topic, partial(self.on_picture, join), messages.SENSOR)
        for name in self._read_now(starting=True):
            if name in self.images:
                continue
            kind, topic, callback, qos = sources[name]
            if self.settings.lockstep or name in (self.needed[0], GOAL):
                self.create_subscription(kind, topic, callback, qos)
            else:
                looked_at = messages.EVERY if name == JOINTS else qos  # an arm's may be among them, more often
                self.polled.append((subscribe(self, kind, topic, looked_at, group, raw=False), callback))

    def _look(self) -> None:
        """Take what has come of the sensors that nothing is begun by."""
        for subscription, callback in self.polled:
            for taken in take(subscription):
                callback(taken.message)

    def _read_now(self, starting: bool) -> tuple[str, ...]:
        """What a decision is made on; the first of a trial also on where the robot is, for smoothing to start there."""
        from_posture = self.policy.contract.action_origin != "current"
        extra = starting and from_posture and JOINTS not in self.needed
        return (*self.needed, JOINTS) if extra else self.needed

    def _load(self, path: str) -> None:
        policy = Policy.load(path, self.settings.object or None)
        contract = policy.contract
        images, eyes = contract.architecture.images, robot.load(contract.robot).eyes
        for name, shape in images.items():
            if name not in eyes or eyes[name].shape != shape:
                raise DactylError(f"{path} sees images {name} of {shape}, which the robot {contract.robot} has not")
        terms = tuple(term for term, _ in contract.observation)
        task = tasks.load(contract.task)
        known, period = _OWN.union(*SIGNALS.values()), robot.load(contract.robot).timing.control
        if contract.control_period != period:
            raise DactylError(f"{path} decides every {contract.control_period} s, the graph every {period} s")
        if unknown := [term for term in terms if not set(task.term(term).needs) <= known]:
            raise DactylError(f"the policy needs {min(unknown)}, which the robot does not measure")
        needed = (*images, *(name for name, signals in SIGNALS.items() if signals & task.needs(terms)))
        if self.needed and set(needed) != set(self.needed):
            raise DactylError(f"{path} needs {', '.join(needed)} where the graph runs with {', '.join(self.needed)}")
        if not set(needed) - {GOAL}:
            raise DactylError("the policy needs no sensor: nothing would tell it when to act")
        self.images = tuple(images)
        self.needed, self.task, self.object = needed, task, objects.load(contract.object)
        self.policy, self.terms, self.state = policy, terms, policy.initial_state(1)
        self.smoothed = np.zeros(len(contract.actuators), np.float32)
        """The action after the moving average, as the filter has it."""
        self._warm_up()

    def on_load(self, path: str) -> None:
        """Go on with another policy; filter and driver were set up for the first one's contract."""
        contract, now = Policy.load(path).contract, self.policy.contract
        for name in ("robot", "task", "smoothing", "action_origin", "action_scale", "locked_wrist"):
            if getattr(contract, name) != getattr(now, name):
                raise DactylError(f"{path} has {name} {getattr(contract, name)} where the graph runs with another one")
        self._load(path)
        self.trial = None  # it begins as in a new trial
        self.get_logger().info(f"goes on with {path}")

    def on_fingertips(self, message: FingertipPositions) -> None:
        self._read(FINGERTIPS, message)

    def on_pose(self, message: PoseStamped) -> None:
        self._read(POSE, message)

    def on_joint_states(self, message: JointState) -> None:
        if self.order.concerns(message.name):
            self.postures.append(message)
            self._read(JOINTS, message)

    def on_picture(self, join: Callable[[Image], Seen | None], message: Image) -> None:
        """A depth image or a mask; a reading once both of a moment are there."""
        if (seen := join(message)) is not None:
            self._read(seen.name, seen)

    def on_goal(self, message: PoseStamped) -> None:
        self._read(GOAL, message)

    def _read(self, name: str, message: Any) -> None:
        self.readings[name] = message
        if self.settings.lockstep:
            self._act_in_lockstep()
        elif name == self.needed[0] and self.ticks.due(stamp_ns := messages.nanoseconds(message.header.stamp)):
            self._act(stamp_ns)

    def on_status(self, message: TrialStatus) -> None:
        self.status = message
        if message.state != TrialStatus.RUNNING:
            self.trial = None
            self.problem = ""
        self._act_in_lockstep()

    def on_grace(self) -> None:
        """Act on the last readings where no new ones came in time."""
        self._look()
        now_ns = self.get_clock().now().nanoseconds
        tick_ns = self.ticks.overdue(now_ns, round(self.settings.grace * 1e9))
        if tick_ns is not None:
            self._act(tick_ns)

    def diagnose(self) -> Diagnosis:
        values = {"actions per s": self.actions}
        self.actions = 0
        reads = self._read_now(starting=self.trial is None)
        if missing := [name for name in reads if name not in self.readings and name != GOAL]:
            return warning(f"no {missing[0]}", **values)
        if self.problem:
            return warning(self.problem, **values)
        return Diagnosis(values=values) if self.trial is not None else Diagnosis("no trial is running", values=values)

    def _warm_up(self) -> None:
        """The first call of a network takes many times longer than the others."""
        contract = self.policy.contract
        shapes = {"policy": (contract.inputs,), **contract.architecture.images}
        nothing = {name: np.zeros((1, *shape), np.float32) for name, shape in shapes.items()}
        for _ in range(3):
            self.policy.step(nothing, self.state, generator=self.generator)

    def _act_in_lockstep(self) -> None:
        status = self.status
        needed = self._read_now(starting=status.trial != self.trial)
        if not self.settings.lockstep or set(needed) - set(self.readings):
            return
        for name in needed:
            expected = status.goal_stamp if name == GOAL else status.header.stamp
            if self.readings[name].header.stamp != expected:
                return
        if (tick_ns := messages.nanoseconds(status.header.stamp)) != self.acted_ns:
            self._act(tick_ns)
        elif status.state == TrialStatus.RUNNING:
            self.action_publisher.publish(self.action)  # sensors are sent again because an action did not arrive

    def _act(self, tick_ns: int) -> None:
        if self.status.state != TrialStatus.RUNNING:
            return
        self._look()
        try:
            self._check_readings(tick_ns)
            if self.status.trial != self.trial:
                self._start_trial(self.status.trial, tick_ns)
            chosen, self.state = self.policy.step(
                self._observe(), self.state, self.settings.deterministic, self.generator
            )
        except DactylError as error:
            if str(error) != self.problem:
                self.get_logger().warning(f"not acting: {error}", throttle_duration_sec=1.0)
            self.problem = str(error)
            return
        self.problem = ""
        self._publish(chosen[0].numpy(), tick_ns)

    def _start_trial(self, trial: int, tick_ns: int) -> None:
        self.smoothed = self._still(tick_ns)
        self.trial = trial
        self.sequence = 0
        self.state = self.policy.initial_state(1)
        self.generator.manual_seed(int(np.random.SeedSequence([self.settings.seed, trial]).generate_state(1)[0]))

    def _still(self, tick_ns: int) -> np.ndarray:
        """The action (A,) that holds the robot where it was at that time: smoothing starts from it."""
        contract = self.policy.contract
        if contract.action_origin == "current":
            return np.zeros(len(contract.actuators), np.float32)
        of_its_time = [m for m in self.postures if messages.nanoseconds(m.header.stamp) <= tick_ns]
        angles = self._joint_signals((of_its_time or self.postures)[-1])["joint_angles"]
        if not np.isfinite(angles).all():
            raise DactylError("joint angles that are not finite: smoothing cannot start from them")
        positions, limits = self.robot.actuator_positions(angles), self.robot.actuator_limits
        return control.holding(positions, limits, contract.action_origin, contract.action_scale).astype(np.float32)

    def _check_readings(self, tick_ns: int) -> None:
        """DactylError if a reading is missing, too old to act on, or another robot's."""
        needed = self._read_now(starting=self.status.trial != self.trial)
        if set(needed) - set(self.readings):
            raise DactylError("not everything has been sensed yet")
        for name in needed:
            age = (tick_ns - messages.nanoseconds(self.readings[name].header.stamp)) * 1e-9
            if name != GOAL and age > self.settings.max_reading_age:
                raise DactylError(f"no new {name} for more than {self.settings.max_reading_age:g} s")
        if (tick_ns - messages.nanoseconds(self.status.header.stamp)) * 1e-9 > self.settings.max_status_age:
            raise DactylError(f"no new trial/status for more than {self.settings.max_status_age:g} s")
        if FINGERTIPS in self.needed:
            self._check_fingertips(self.readings[FINGERTIPS])

    def _check_fingertips(self, message: FingertipPositions) -> None:
        ages, expected = np.asarray(message.age), len(self.robot.fingertips)
        if len(ages) != expected or len(message.positions) != expected:
            raise DactylError(f"fingertips of a robot that has {len(ages)}, not {expected}")
        if not ages.max(initial=0.0) <= self.settings.max_fingertip_age:
            finger = self.robot.fingertips[int(np.argmax(np.nan_to_num(ages, nan=np.inf)))]
            raise DactylError(f"fingertip {finger} not seen for more than {self.settings.max_fingertip_age:g} s")

    def _observe(self) -> Mapping[str, np.ndarray]:
        """The policy's observation, (1, inputs), and the images that it sees, (1, *shape), by name."""
        observed: np.ndarray = self.task.observe(self._signals(), self.terms, self.object)
        return {"policy": observed[None], **{name: self.readings[name].image()[None] for name in self.images}}

    def _signals(self) -> dict[str, np.ndarray]:
        """What the task's terms are computed from, as far as they need it."""
        signals = {"smoothed_action": self.smoothed}
        if FINGERTIPS in self.needed:
            positions = self.readings[FINGERTIPS].positions
            signals["fingertips"] = np.array([[p.x, p.y, p.z] for p in positions])
        if POSE in self.needed:
            pose = self.readings[POSE].pose
            signals["object_position"] = messages.position(pose)
            signals["object_orientation"] = messages.orientation(pose.orientation)
        if JOINTS in self.needed:
            signals |= self._joint_signals(self.readings[JOINTS])
        if GOAL in self.needed:
            pose = self.readings[GOAL].pose
            orientation = messages.orientation(pose.orientation)
            signals["goal"] = self.task.goal_of_pose(messages.position(pose), orientation)
        return signals

    def _joint_signals(self, message: JointState) -> dict[str, np.ndarray]:
        """What the message does not say is NaN, which no policy acts on."""
        values = {"joint_angles": message.position, "joint_velocities": message.velocity}
        try:
            picked = {name: self.order.pick(message.name, each) for name, each in values.items()}
        except ValueError as error:
            raise DactylError(str(error)) from error
        unknown = np.full(len(self.robot.joints), np.nan)
        return {name: unknown if value is None else value for name, value in picked.items()}

    def _publish(self, chosen: np.ndarray, tick_ns: int) -> None:
        """Send bins, or numbers in [-1, 1] where the policy has none, (A,)."""
        action, contract = self.action, self.policy.contract
        messages.set_stamp(action.header.stamp, tick_ns)
        new = control.as_action(chosen, contract.bins)
        action.bins = array.array("B", chosen.astype(np.uint8).tobytes() if contract.bins else b"")
        action.action = messages.to_floats(new)
        action.start = messages.to_floats(self.smoothed) if self.sequence == 0 else array.array("f")
        self.smoothed = control.smooth(self.smoothed, new, contract.smoothing)
        action.fingertips_stamp = self._stamp(FINGERTIPS)
        action.object_pose_stamp = self._stamp(POSE)
        action.goal_stamp = self._stamp(GOAL)
        action.sequence = self.sequence
        self.action_publisher.publish(action)
        self.sequence += 1
        self.acted_ns = tick_ns
        self.actions += 1

    def _stamp(self, name: str) -> Time:
        return self.readings[name].header.stamp if name in self.needed else Time()


def main() -> int:
    return run(PolicyNode)


if __name__ == "__main__":
    sys.exit(main())
