"""Has a policy of single reaches pick objects up and drop them elsewhere: in the referee's place, and opens the hand.

It chooses the hand, too: the goal that the task draws for the object that is seen says which one.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState

from dactyl import results, topics
from dactyl.environment import pick_and_drop as rounds
from dactyl.environment import task as tasks
from dactyl.environment.pick_and_drop import Patience, Progress, Seen, Stage
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.maths.random import NumpyDraws
from dactyl.registry import DEFAULTS
from dactyl.robot import control
from dactyl.robot import robot as robots
from dactyl.robot.driver import JointOrder
from dactyl.robot.robot import Torques
from dactyl.robot.ticks import Ticks
from dactyl.ros import messages
from dactyl.ros.node import DactylNode, Diagnosis, run, warning
from dactyl.ros.parameters import JOINT_STATES, parameter
from dactyl_msgs.msg import HandAction, TrialResult, TrialStatus

LOOK = 0.02
"""s between looks at the clock: control steps begin with it, whether the object is seen or not."""
NEAR = 0.15
"""rad from being open at which a hand's actuator is."""
STAGES = 3
"""Of a round: picked up, carried to the place, dropped there."""
ACTING = 2
"""Publishers of actions when somebody acts: this node is one, for the time in which a hand opens."""
_STATES = {
    Stage.WAIT: TrialStatus.AWAITING_OBJECT,
    Stage.PICK: TrialStatus.RUNNING,
    Stage.CARRY: TrialStatus.RUNNING,
    Stage.RELEASE: TrialStatus.FINISHED,  # the policy is still
}


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    robot: str = parameter(DEFAULTS["robots"], "Name of the robot.")
    task: str = parameter(DEFAULTS["tasks"], "Name of the task that the policy reaches by.")
    rules: str = parameter("", "As of the trial node: where goals are, how long a reach may take.")
    object_pose: str = parameter("mocap", "Source of the object's position.", choices=("mocap", "vision"))
    joint_states: str = parameter(topics.JOINT_STATES, JOINT_STATES)
    drop_at: tuple[float, ...] = parameter(
        None, "Where the hand lets go: x y z, m, the robot's frame.", minimum=-3.0, maximum=3.0, length=3
    )
    drop_within: float = parameter(
        0.15, "How far aside an object may come to lie and was dropped there, m.", minimum=0.0, maximum=1.0
    )
    stride: float = parameter(
        0.05,
        "Goals on the way are at most so far ahead of the object, m: as far as the policy was trained with.",
        minimum=0.001,
        maximum=3.0,
    )
    settle_time: float = parameter(
        0.6, "How long the object lies there before it is picked up, s.", minimum=0.0, maximum=60.0
    )
    fall_time: float = parameter(1.0, "That an object gets to fall, s.", minimum=0.0, maximum=60.0)
    release_time: float = parameter(5.0, "How long a hand may take to open, s.", minimum=0.0, maximum=60.0)
    max_pose_age: float = parameter(
        1.0, "An object whose pose is older than this, s, is not seen.", minimum=0.08, maximum=60.0
    )
    action_origin: str = parameter(
        "current", "What actions are counted from, as in the driver: the policy's.", choices=control.MEANINGS
    )
    action_scale: float = parameter(1.0, "Their reach, as in the driver: the policy's.", minimum=0.001, maximum=2.0)
    trials: int = parameter(0, "Rounds to make, then this process ends. 0: go on for ever.", minimum=0)
    seed: int = parameter(0, "Of the goals, together with the round's number.", minimum=0)
    report: str = parameter("", "File for the results of `trials`, as JSON. Empty: none.")
    command: str = parameter("sim", "Command that the report names.")


class Round(NamedTuple):
    """How one ended."""

    stages: int
    """Of STAGES, how many succeeded."""
    reason: str
    """TrialResult's."""
    seconds: float


class PickAndDrop(DactylNode):
    """object pose, joint states -> goal, trial/status; while a hand opens, action."""

    def __init__(self) -> None:
        super().__init__("pick_and_drop")
        robot = robots.load(self.asked("robot", DEFAULTS["robots"]))
        up = quaternion.normalize(robot.up)
        own = {"drop_at": (robot.workspace.rest + 0.15 * up).tolist()}
        self.settings = settings = self.declare(Parameters, own)
        if isinstance(robot.action, Torques) or not robot.opened:
            raise DactylError(f"the robot {robot.name} has no hand that could be told to open")
        robot.check_origin(settings.action_origin)
        if settings.report:
            results.check_writable(Path(settings.report))
        task = tasks.load(settings.task)
        self.rules = task.rules_with(settings.rules)
        self.robot, self.up, self.task = robot, up, task.under(self.rules)
        self.drop_at = np.array(settings.drop_at)
        self.opened = [robot.actuators.index(actuator) for actuator in robot.opened]
        self.open_positions = np.array(list(robot.opened.values()))
        self.patience = Patience(
            settings.settle_time, self.rules.timeout, settings.fall_time, max(settings.release_time, settings.fall_time)
        )
        self.period = robot.timing.control
        self.ticks = Ticks(self.period)
        self.order = JointOrder(robot)
        self.progress = Progress()
        self.stamp_ns = 0
        """Of this control step."""
        self.done = 0
        """Stages of this round that succeeded."""
        self.steps = 0
        self.rounds: list[Round] = []
        self.pose: PoseStamped | None = None
        self.joints: JointState | None = None
        self.held: np.ndarray | None = None
        """(A,) rad, where the robot was when it began to let go."""
        self.wanted: np.ndarray | None = None
        """(G,) the goal of this stage, to which the goals on the way lead."""
        self.goal = PoseStamped()
        self.goal.header.frame_id = "hand"
        self.action = HandAction(robot=robot.name)
        self.status = TrialStatus(
            angle_to_goal=np.nan, mean_successes=np.nan, std_successes=np.nan, median_successes=np.nan,
            trials_wanted=settings.trials,
        )  # fmt: skip
        self.goal_publisher = self.create_publisher(PoseStamped, topics.GOAL, messages.LATCHED)
        self.status_publisher = self.create_publisher(TrialStatus, topics.STATUS, messages.LATCHED)
        self.action_publisher = self.create_publisher(HandAction, topics.ACTION, messages.RELIABLE)
        self.create_subscription(PoseStamped, topics.object_pose(settings.object_pose), self.on_pose, messages.SENSOR)
        self.create_subscription(JointState, settings.joint_states, self.on_joint_states, messages.JOINTS)
        self.wall_timer(LOOK, self.on_timer)

    def on_pose(self, message: PoseStamped) -> None:
        self.pose = message

    def on_joint_states(self, message: JointState) -> None:
        if self.order.concerns(message.name):
            self.joints = message

    def on_timer(self) -> None:
        now_ns = self.get_clock().now().nanoseconds
        if now_ns > 0 and self.ticks.due(now_ns):  # simulated time may not have begun
            period_ns = round(self.period * 1e9)
            self.tick(now_ns // period_ns * period_ns)

    def tick(self, stamp_ns: int) -> None:
        """A control step."""
        position = self._position(stamp_ns)
        before = self.progress
        self.progress = rounds.advance(before, self._see(position), self.patience, self.period)
        self.steps += 1
        self.stamp_ns = stamp_ns
        stage = self.progress.stage
        if stage is not before.stage:
            self._begin(before, position)
        if stage is Stage.CARRY:
            self._lead(position)
        elif stage is Stage.RELEASE and before.stage is Stage.RELEASE:  # the policy has heard that it is to be still
            self._let_go()
        self._publish_status(position)

    def _position(self, stamp_ns: int) -> np.ndarray:
        """(3,) m, robot frame; NaN where the object is not seen."""
        if self.pose is None:
            return np.full(3, np.nan)
        age_ns = stamp_ns - messages.nanoseconds(self.pose.header.stamp)
        return messages.position(self.pose.pose) if age_ns <= self.settings.max_pose_age * 1e9 else np.full(3, np.nan)

    def _see(self, position: np.ndarray) -> Seen:
        known = bool(np.isfinite(position).all())
        lost = known and bool(self.task.lost(position, self.robot, self.up))
        errors = self._errors(position)
        reached = bool((errors < np.array(self.rules.tolerances)).all())  # NaN is not
        there = known and not lost and self.count_publishers(topics.ACTION) >= ACTING
        return Seen(there, reached, lost, self._open())

    def _errors(self, position: np.ndarray) -> np.ndarray:
        """(E,) from the goal of this stage; NaN where they are not known."""
        if self.wanted is None:
            return np.full(len(self.task.error_names), np.nan)
        errors: np.ndarray = self.task.errors(self.wanted, self._signals(position))
        return errors

    def _signals(self, position: np.ndarray) -> dict[str, np.ndarray]:
        turn = np.full(4, np.nan) if self.pose is None else messages.orientation(self.pose.pose.orientation)
        return {"object_position": position, "object_orientation": turn}

    def _positions(self) -> np.ndarray | None:
        """(A,) rad, where the actuators are; None where that is not known."""
        if self.joints is None:
            return None
        try:
            angles = self.order.angles(self.joints.name, self.joints.position)
        except ValueError:
            return None
        return self.robot.actuator_positions(angles) if np.isfinite(angles).all() else None

    def _open(self) -> bool:
        positions = self._positions()
        return positions is not None and bool((np.abs(positions[self.opened] - self.open_positions) < NEAR).all())

    # --------------------------------------------------------------------------------------------------- the stages

    def _begin(self, before: Progress, position: np.ndarray) -> None:
        """A stage, after another one."""
        stage = self.progress.stage
        if stage is Stage.PICK:
            self.done = self.steps = 0
            self._draw_goal(position)
        elif stage is Stage.CARRY:
            self.done = 1
            turn = messages.orientation(self.goal.pose.orientation)
            self.wanted = self.task.goal_of_pose(self.drop_at, turn)
        elif stage is Stage.RELEASE:
            self.done += not self.progress.reason
            self.wanted = self.held = None
        else:
            self._end(before, position)

    def _draw_goal(self, position: np.ndarray) -> None:
        """Above the object, for the hand that the task chooses for where it lies."""
        random = NumpyDraws(np.random.default_rng([self.settings.seed, self.status.trial]))
        present = {name: signal[None] for name, signal in self._signals(position).items()}
        present["successes"] = np.zeros(1, np.int64)
        self.wanted = self.task.draw_goal(random, 1, present, None)[0]
        where, turn = self.task.goal_pose(self.wanted, self.robot)
        messages.set_quaternion(self.goal.pose.orientation, turn)
        self._show_goal(where)

    def _lead(self, position: np.ndarray) -> None:
        """Show a goal ahead of the object, on its way to where it is to be dropped, in the hand that has it."""
        self._show_goal(rounds.towards(position, self.drop_at, self.settings.stride))

    def _show_goal(self, where: np.ndarray) -> None:
        messages.set_point(self.goal.pose.position, where)
        for stamp in (self.goal.header.stamp, self.status.goal_stamp):
            messages.set_stamp(stamp, self.stamp_ns)
        self.goal_publisher.publish(self.goal)

    def _let_go(self) -> None:
        """Ask for open hands, and for arms that stay where they are."""
        positions = self._positions()
        if positions is None or self.joints is None:
            return
        origin, scale, limits = self.settings.action_origin, self.settings.action_scale, self.robot.actuator_limits
        self.action.start = messages.to_floats(np.empty(0))
        if self.held is None:
            self.held = positions
            self.action.sequence = 0
            self.action.start = messages.to_floats(control.holding(positions, limits, origin, scale))
        targets = self.held.copy()
        targets[self.opened] = self.open_positions
        self.action.header.stamp = self.joints.header.stamp
        self.action.action = messages.to_floats(control.action_for(targets, positions, limits, origin, scale))
        self.action_publisher.publish(self.action)
        self.action.sequence += 1

    def _end(self, before: Progress, position: np.ndarray) -> None:
        """Account for a round, whose hand is open."""
        dropped = rounds.dropped_at(position, self.drop_at, self.up, self.settings.drop_within)
        self.done += self.done == 2 and dropped
        late, lost = TrialResult.REASON_TIMEOUT, TrialResult.REASON_DROPPED  # or it was not dropped where it was to be
        reason = TrialResult.REASON_COMPLETE if self.done == STAGES else late if before.reason == rounds.LATE else lost
        ended = Round(self.done, reason, self.steps * self.period)
        self.rounds.append(ended)
        status = self.status
        status.reason, status.trials_ended, status.mean_successes = reason, len(self.rounds), self._mean()
        self._write_report()
        self.get_logger().info(f"round {status.trial}: {ended.stages} of {STAGES} stages, {reason}")
        status.trial += 1
        self.done = 0
        if self.settings.trials and len(self.rounds) >= self.settings.trials:
            self.finish()

    def _mean(self) -> float:
        return float(np.mean([ended.stages for ended in self.rounds]))

    def _write_report(self) -> None:
        """After each round, so that what interrupts the run loses none that has ended."""
        if not self.settings.report:
            return
        rows = [
            {"successes": ended.stages, "reason": ended.reason, "seconds": round(ended.seconds, 2)}
            for ended in self.rounds
        ]
        complete = sum(ended.stages == STAGES for ended in self.rounds)
        report = {"trials": rows, "mean": self._mean(), "complete": complete, "drop_at": self.drop_at}
        try:
            results.write(Path(self.settings.report), self.settings.command, self.settings.seed, report)
        except DactylError as error:
            self.fail(error)

    def _publish_status(self, position: np.ndarray) -> None:
        status, progress = self.status, self.progress
        messages.set_stamp(status.header.stamp, self.stamp_ns)
        running = _STATES[progress.stage] == TrialStatus.RUNNING
        status.state = _STATES[progress.stage]
        status.successes = self.done
        status.angle_to_goal = float(self._errors(position)[-1])
        status.time_left = max(0.0, self.patience.reach - progress.spent) if running else 0.0
        self.status_publisher.publish(status)

    def diagnose(self) -> Diagnosis:
        values = {"round": self.status.trial, "stage": self.progress.stage.value, "rounds ended": len(self.rounds)}
        if self.pose is None:
            return warning("no object pose", **values)
        return Diagnosis(self.progress.stage.value, values=values)


def main() -> int:
    return run(PickAndDrop)


if __name__ == "__main__":
    sys.exit(main())
