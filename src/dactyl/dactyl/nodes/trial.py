"""Sets goals, counts successes, ends trials: the referee of the evaluations (section 6.2)."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.action.server import ActionServer, CancelResponse, GoalResponse, ServerGoalHandle
from rclpy.subscription import Subscription
from rclpy.task import Future
from std_srvs.srv import Trigger

from dactyl import results, topics
from dactyl.environment import task as tasks
from dactyl.environment import trial
from dactyl.environment.task import Task
from dactyl.environment.trial import TrialRules
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.maths.random import NumpyDraws
from dactyl.registry import DEFAULTS
from dactyl.robot import robot as robots
from dactyl.robot.ticks import Ticks
from dactyl.ros import messages
from dactyl.ros.node import DactylNode, Diagnosis, run, warning
from dactyl.ros.parameters import parameter
from dactyl.ros.polling import NotExecuted, subscribe, take
from dactyl_msgs.action import RunTrials
from dactyl_msgs.msg import TrialResult, TrialStatus
from dactyl_msgs.srv import SetGoal


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    robot: str = parameter(DEFAULTS["robots"], "Name of the robot.")
    task: str = parameter(DEFAULTS["tasks"], "Name of the task.")
    rules: str = parameter("", "Rules of the trials that differ from the task's, in YAML.")
    trials: int = parameter(0, "Trials to run, then this process ends. 0: go on for ever.", minimum=0)
    autostart: bool = parameter(True, "Start with the node; otherwise with the action run_trials.")
    seed: int = parameter(0, "Of the goals, together with the trial's number.", minimum=0)
    object_pose: str = parameter(
        "mocap", "Source of the object's pose; truth: the sim node's own.", choices=("mocap", "vision", "truth")
    )
    goal: tuple[float, ...] = parameter(
        (0.0,),
        "First goal of each trial, as the object's pose: x y z, m, and w x y z; one 0: it is drawn.",
        minimum=-1.0,
        maximum=1.0,
    )
    tolerance: float = parameter(
        None, "A goal is reached below this error, the task's only one; 0: it has others.", minimum=0.0, maximum=3.1
    )
    timeout: float = parameter(None, "Time for each goal, s.", minimum=0.01, maximum=3600.0)
    max_successes: int = parameter(None, "Goals that complete a trial.", minimum=1)
    settle_time: float = parameter(
        0.48, "How long the object lies on the palm before a trial starts, s.", minimum=0.0, maximum=60.0
    )
    max_pose_age: float = parameter(
        1.0, "An object whose pose is unknown for longer than this, s, counts as dropped.", minimum=0.08, maximum=60.0
    )
    rest_position: tuple[float, ...] = parameter(
        None, "Where an object rests, the robot's frame, m.", minimum=-1.0, maximum=1.0, length=3
    )
    up: tuple[float, ...] = parameter(None, "The vertical in the robot's frame.", minimum=-1.0, maximum=1.0, length=3)
    grace: float = parameter(
        0.02,
        "How late a pose may be before the step counts without it, s; in real time poses are looked at as often.",
        minimum=0.001,
        maximum=0.08,
    )
    lockstep: bool = parameter(False, "Count poses only, never time.")
    report: str = parameter("", "File for the results of `trials`, as JSON. Empty: none.")
    command: str = parameter("sim", "Command that the report names.")


class Result(NamedTuple):
    """How a trial ended."""

    successes: int
    goals_presented: int
    reason: str
    seconds: float


class TrialNode(DactylNode):
    """object pose -> goal, trial/status; services trial/reset, trial/set_goal; action run_trials."""

    def __init__(self) -> None:
        super().__init__("trial")
        self.task = tasks.load(self.asked("task", DEFAULTS["tasks"]))
        robot = robots.load(self.asked("robot", DEFAULTS["robots"]))
        rules = self.task.rules_with(self.asked("rules", ""))
        own = {
            "tolerance": 0.0,
            **asdict(rules),
            "rest_position": robot.workspace.rest.tolist(),
            "up": robot.up.tolist(),
        }
        self.settings = settings = self.declare(Parameters, own)
        if settings.report:
            results.check_writable(Path(settings.report))
        self.rules = _rules(self.task.name, rules, settings)
        self.task = self.task.under(self.rules)
        self.robot = replace(robot, workspace=replace(robot.workspace, rest=np.array(settings.rest_position)))
        self.up = quaternion.normalize(np.array(settings.up))
        self.first_goal = _given_goal(settings.goal, self.task)
        self.period = robot.timing.control
        self.ticks = Ticks(self.period)
        self.pose: PoseStamped | None = None
        """What is judged."""
        self.truth: PoseStamped | None = None
        self.tracked: PoseStamped | None = None
        self.signals = _unknown()
        """What the task judges by."""
        self.run_ended: Future | None = None
        self.feedback: ServerGoalHandle | None = None
        self.results: list[Result] = []
        self.wanted = settings.trials
        self.accounts = trial.start(np.zeros(1))
        self.settled = 0
        self.steps = self.presented = 0
        self.generator = np.random.default_rng()
        self.goal = PoseStamped()
        self.goal.header.frame_id = "hand"
        self.status = TrialStatus(
            angle_to_goal=np.nan, mean_successes=np.nan, std_successes=np.nan, median_successes=np.nan
        )
        self.status.state = TrialStatus.AWAITING_OBJECT if settings.autostart else TrialStatus.FINISHED
        self.status.trials_wanted = self.wanted

        self.goal_publisher = self.create_publisher(PoseStamped, topics.GOAL, messages.LATCHED)
        self.status_publisher = self.create_publisher(TrialStatus, topics.STATUS, messages.LATCHED)
        self.polled: Subscription | None = None
        """In real time poses are looked at now and then, for of ten one is judged."""
        self._subscribe(settings.object_pose)
        self.create_service(Trigger, "trial/reset", self.on_reset)
        self.create_service(SetGoal, "trial/set_goal", self.on_set_goal)
        self.server = ActionServer(
            self, RunTrials, "run_trials", self.on_run_trials,
            goal_callback=self.on_run_requested, cancel_callback=lambda _: CancelResponse.ACCEPT,
        )  # fmt: skip
        if not settings.lockstep:
            self.wall_timer(settings.grace, self.on_grace)

    def _subscribe(self, source: str) -> None:
        if not self.settings.lockstep:
            topic, group = topics.TRUTH_POSE if source == "truth" else topics.object_pose(source), NotExecuted()
            self.polled = subscribe(self, PoseStamped, topic, messages.EVERY, group, raw=False)
        elif source == "truth":
            self.create_subscription(PoseStamped, topics.TRUTH_POSE, self.on_truth, messages.SENSOR)
            self.create_subscription(PoseStamped, topics.MOCAP_POSE, self.on_tracked, messages.SENSOR)
        else:
            self.create_subscription(PoseStamped, topics.object_pose(source), self.on_pose, messages.SENSOR)

    # ------------------------------------------------------------------------------------------------------ input

    def on_truth(self, message: PoseStamped) -> None:
        self.truth = message
        self._judge_truth()

    def on_tracked(self, message: PoseStamped) -> None:
        self.tracked = message
        self._judge_truth()

    def _judge_truth(self) -> None:
        """Take the truth for the pose, in lockstep not before the tracker has come as far, or no run would repeat."""
        if self.truth is not None and self.tracked is not None and self.tracked.header.stamp == self.truth.header.stamp:
            self.on_pose(self.truth)

    def on_pose(self, message: PoseStamped) -> None:
        self.pose = message
        if self.ticks.due(stamp_ns := messages.nanoseconds(message.header.stamp)):
            self._tick(stamp_ns)

    def on_grace(self) -> None:
        """Judge the pose that came with a new step; count one on the last pose where none came in time."""
        if self.polled is not None:
            for taken in take(self.polled):
                self.on_pose(taken.message)
        tick_ns = self.ticks.overdue(self.get_clock().now().nanoseconds, round(self.settings.grace * 1e9))
        if tick_ns is not None:
            self._tick(tick_ns)

    def on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self.status.state == TrialStatus.RUNNING
        response.message = "" if response.success else "no trial is running"
        if response.success:
            self._end_trial(TrialResult.REASON_RESET)
            self._publish_status()
        return response

    def on_set_goal(self, request: SetGoal.Request, response: SetGoal.Response) -> SetGoal.Response:
        orientation = messages.orientation(request.orientation)
        if self.status.state != TrialStatus.RUNNING:
            response.message = "no trial is running"
        elif not np.isfinite(orientation).all():
            response.message = "the orientation is no rotation: its length must be > 0 and finite"
        else:
            response.success = True
            self.presented -= 1  # it takes the place of the one in force
            self._set_goal(self.task.goal_of_pose(messages.position(self.goal.pose), orientation))
            self._publish_status()
        return response

    def on_run_requested(self, request: RunTrials.Goal) -> GoalResponse:
        if request.trials < 1 or self.run_ended is not None or (self.settings.trials and self.settings.autostart):
            self.get_logger().error("run_trials refused: it needs trials >= 1, and no other counted run going on")
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    async def on_run_trials(self, handle: ServerGoalHandle) -> RunTrials.Result:
        if self.status.state == TrialStatus.RUNNING:
            self._end_trial(TrialResult.REASON_RESET)
        self.results, self.wanted, self.feedback, self.run_ended = [], handle.request.trials, handle, Future()
        self._await_object()
        await self.run_ended
        self.feedback = self.run_ended = None
        if handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.succeed()
        return RunTrials.Result(
            results=[TrialResult(**result._asdict()) for result in self.results], **_statistics(self.results)
        )

    # --------------------------------------------------------------------------------------------- one control step

    def _tick(self, stamp_ns: int) -> None:
        messages.set_stamp(self.status.header.stamp, stamp_ns)
        if self.feedback and self.feedback.is_cancel_requested and self.status.state != TrialStatus.FINISHED:
            self._finish()
        dropped = self._take_pose(stamp_ns)
        if self.status.state == TrialStatus.AWAITING_OBJECT:
            self.settled = 0 if dropped or not self._policy_listens() else self.settled + 1
            if self.settled > round(self.settings.settle_time / self.period):
                self._start_trial()
        elif self.status.state == TrialStatus.RUNNING:
            self._advance(dropped)
        self._publish_status()

    def _take_pose(self, stamp_ns: int) -> bool:
        """Take over the object's pose; whether the object is lost, in space or from sight."""
        self.signals = _unknown()
        if self.pose is None:
            return True
        age_ns = stamp_ns - messages.nanoseconds(self.pose.header.stamp)
        if age_ns * 1e-9 > self.settings.max_pose_age:
            return True
        pose = self.pose.pose
        position = messages.position(pose)
        self.signals = {"object_position": position, "object_orientation": messages.orientation(pose.orientation)}
        return bool(self.task.lost(position, self.robot, self.up))

    def _policy_listens(self) -> bool:
        """Whether anybody would act. In lockstep the sim waits for that, and when it happens must change nothing."""
        return self.settings.lockstep or self.count_publishers(topics.ACTION) > 0

    def _start_trial(self) -> None:
        self.generator = np.random.default_rng([self.settings.seed, self.status.trial])
        self.accounts = trial.start(np.zeros(1))
        self.steps = self.presented = 0
        self.status.state = TrialStatus.RUNNING
        self._draw_goal()

    def _advance(self, dropped: bool) -> None:
        self.steps += 1
        spent = float(self.accounts.goal_time[0]) + self.period
        self.accounts, events = trial.advance(
            self.rules, self.accounts, self._errors()[None], np.array([dropped]), self.period
        )
        if events.reached[0]:
            self.get_logger().info(
                f"trial {self.status.trial}: goal {self.accounts.successes[0]} reached after {spent:.1f} s"
            )
        for reason in (TrialResult.REASON_DROPPED, TrialResult.REASON_COMPLETE, TrialResult.REASON_TIMEOUT):
            if getattr(events, reason)[0]:
                self._end_trial(reason)
                return
        if events.reached[0]:
            self._draw_goal()

    def _errors(self) -> np.ndarray:
        """(E,) how far the object is from the goal in force, as the task measures it; NaN where it is not known."""
        errors: np.ndarray = self.task.errors(self._goal(), self.signals)
        return errors

    def _goal(self) -> np.ndarray:
        """(G,) the goal in force."""
        pose = self.goal.pose
        goal: np.ndarray = self.task.goal_of_pose(messages.position(pose), messages.orientation(pose.orientation))
        return goal

    def _draw_goal(self) -> None:
        if self.first_goal is not None and self.presented == 0:
            self._set_goal(self.first_goal)
            return
        present = {name: signal[None] for name, signal in self.signals.items()}
        present["successes"] = self.accounts.successes
        if self.presented:
            present["goal"] = self._goal()[None]
        self._set_goal(self.task.draw_goal(NumpyDraws(self.generator), 1, present, None)[0])

    def _set_goal(self, goal: np.ndarray) -> None:
        self.presented += 1
        position, orientation = self.task.goal_pose(goal, self.robot)
        messages.set_quaternion(self.goal.pose.orientation, orientation)
        messages.set_point(self.goal.pose.position, position)
        # not the tick alone: two goals of one tick must be told apart
        stamp_ns = max(messages.nanoseconds(self.status.header.stamp), messages.nanoseconds(self.goal.header.stamp) + 1)
        messages.set_stamp(self.goal.header.stamp, stamp_ns)
        messages.set_stamp(self.status.goal_stamp, stamp_ns)
        self.goal_publisher.publish(self.goal)

    def _end_trial(self, reason: str) -> None:
        status = self.status
        result = Result(int(self.accounts.successes[0]), self.presented, reason, self.steps * self.period)
        self.get_logger().info(f"trial {status.trial}: {result.successes} goals, {reason} after {result.seconds:.1f} s")
        status.reason = reason
        if reason != TrialResult.REASON_RESET:
            self.results.append(result)
            for name, value in _statistics(self.results).items():
                setattr(status, name, value)
            self._write_meanwhile()
        status.trial += 1
        if self.wanted and len(self.results) >= self.wanted:
            self._finish()
        else:
            self._await_object()

    def _await_object(self) -> None:
        self.status.state = TrialStatus.AWAITING_OBJECT
        self.status.trials_wanted = self.wanted
        self.settled = 0

    def _finish(self) -> None:
        self.status.state = TrialStatus.FINISHED
        if self.results:
            statistics = _statistics(self.results)
            self.get_logger().info(
                f"{len(self.results)} trials: {statistics['mean_successes']:.2f} ± {statistics['std_successes']:.2f} "
                f"goals in a row, median {statistics['median_successes']:g}"
            )
        if self.run_ended is not None:
            self.run_ended.set_result(None)
        elif self.settings.trials:
            try:
                if self.settings.report:
                    self._write_report()
                self.finish()
            except DactylError as error:
                self.fail(error)

    def _publish_status(self) -> None:
        status = self.status
        running = status.state == TrialStatus.RUNNING
        status.successes = int(self.accounts.successes[0]) if running else 0
        status.angle_to_goal = float(self._errors()[-1]) if running else np.nan
        status.time_left = max(0.0, self.settings.timeout - float(self.accounts.goal_time[0])) if running else 0.0
        status.trials_ended = len(self.results)
        self.status_publisher.publish(status)
        if self.feedback is not None and self.feedback.is_active:
            self.feedback.publish_feedback(RunTrials.Feedback(status=status))

    def _write_meanwhile(self) -> None:
        """After each trial but the last: what interrupts the run loses none that has ended."""
        if self.settings.report and len(self.results) < self.settings.trials:
            try:
                self._write_report()
            except DactylError as error:  # a full disk now may have room in the end
                self.get_logger().warning(str(error))

    def _write_report(self) -> None:
        statistics = {name.partition("_")[0]: value for name, value in _statistics(self.results).items()}
        results.write(
            Path(self.settings.report),
            self.settings.command,
            self.settings.seed,
            {
                "trials": [
                    {"successes": r.successes, "reason": r.reason, "seconds": round(r.seconds, 2)} for r in self.results
                ],
                **statistics,
                "goals_reached": sum(r.successes for r in self.results),
                "goals_presented": sum(r.goals_presented for r in self.results),
                "rules": asdict(self.rules),
                **({"incomplete": {"asked": self.wanted}} if len(self.results) < self.wanted else {}),
            },
        )

    def diagnose(self) -> Diagnosis:
        states = {
            TrialStatus.AWAITING_OBJECT: "waiting for the object on the palm",
            TrialStatus.RUNNING: "a trial is running",
            TrialStatus.FINISHED: "no trial is wanted",
        }
        values = {"trial": self.status.trial, "successes": self.status.successes, "trials ended": len(self.results)}
        if self.pose is None:
            return warning("no object pose", **values)
        return Diagnosis(states[self.status.state], values=values)


def _given_goal(pose: tuple[float, ...], task: Task) -> np.ndarray | None:
    """The goal (G,) of the parameter `goal`; None: it is drawn."""
    if pose == (0.0,):
        return None
    if len(pose) != 7 or not np.linalg.norm(pose[3:]) > 1e-6:
        raise DactylError("parameter goal must hold x y z and a rotation w x y z, or one 0")
    goal: np.ndarray = task.goal_of_pose(np.array(pose[:3]), quaternion.normalize(np.array(pose[3:])))
    return goal


def _unknown() -> dict[str, np.ndarray]:
    """The signals of an object that nobody sees."""
    return {"object_position": np.full(3, np.nan), "object_orientation": np.full(4, np.nan)}


def _rules(task: str, rules: TrialRules, settings: Parameters) -> TrialRules:
    """Those of a task, with what was configured by itself."""
    chosen: dict[str, Any] = {"timeout": settings.timeout, "max_successes": settings.max_successes}
    if settings.tolerance:
        chosen["tolerance"] = settings.tolerance
    try:
        return replace(rules, **chosen)
    except TypeError as error:
        raise DactylError(f"the task {task} has not one tolerance: leave the parameter tolerance out") from error


def _statistics(ended: list[Result]) -> dict[str, float]:
    """Of the successes of at least one trial, under TrialStatus's names; NaN without any."""
    successes = [float(result.successes) for result in ended] or [np.nan]
    return {
        "mean_successes": float(np.mean(successes)),
        "std_successes": float(np.std(successes, ddof=1)) if len(successes) > 1 else 0.0 * successes[0],
        "median_successes": float(np.median(successes)),
    }


def main() -> int:
    return run(TrialNode)


if __name__ == "__main__":
    sys.exit(main())
