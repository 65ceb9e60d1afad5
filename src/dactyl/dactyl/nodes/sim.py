"""The hardware's stand-in: publishes what hand, motion capture and cameras publish, takes what the hand takes.

It also plays the lab's operator, who puts the object on the palm when trial/status asks for it. In real time the clock
goes on meanwhile, as a lab's would.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped
from rclpy.publisher import Publisher
from rclpy.subscription import Subscription
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState

from dactyl import topics
from dactyl.environment import task as tasks
from dactyl.environment.laboratory import Laboratory
from dactyl.environment.pushes import PushConfig, Pushes
from dactyl.errors import DactylError
from dactyl.registry import DEFAULTS
from dactyl.robot import control
from dactyl.robot import robot as robots
from dactyl.robot.control import ActionMeaning
from dactyl.robot.driver import Command
from dactyl.robot.markers import usual_ids
from dactyl.ros import driver as drivers
from dactyl.ros import messages
from dactyl.ros.images import pinhole_info, to_message
from dactyl.ros.node import DactylNode, Diagnosis, run, warning
from dactyl.ros.parameters import parameter
from dactyl.ros.polling import NotExecuted, subscribe, take
from dactyl.ros.recent import Recent
from dactyl.ros.settings import add_setting
from dactyl.simulation import display
from dactyl.simulation.coarsening import coarse
from dactyl.simulation.faults import FAULTS, Fault
from dactyl.simulation.rendering import SceneRenderer
from dactyl.simulation.scene import SceneConfig, build
from dactyl_msgs.msg import MocapMarker, MocapMarkers, TrialStatus

SEND_AGAIN = 0.1  # s after which unanswered sensor data is sent again in lockstep
MAX_LAG = 0.08  # s that real time may be caught up by
VIEWER_PERIOD = 1 / 30


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    robot: str = parameter(DEFAULTS["robots"], "Name of the robot.")
    task: str = parameter(DEFAULTS["tasks"], "Name of the task.")
    rules: str = parameter("", "As of the trial node: they also say where the object begins.")
    object: str = parameter("block", "Object in the hand.")
    seed: int = parameter(0, "Of all randomness: how objects are placed, the markers' noise.", minimum=0)
    lockstep: bool = parameter(
        False, "Wait for the answer to each control tick instead of keeping real time: exactly repeatable."
    )
    lockstep_timeout: float = parameter(
        10.0,
        "An answer that takes longer than this, s, after the first ever, is not waited for.",
        minimum=0.1,
        maximum=600.0,
    )
    interface: str = parameter("trajectory", "Which of the robot's controllers take the targets, as in the driver.")
    action_origin: str = parameter(
        "current", "What the random actions of a new trial are counted from: the policy's.", choices=control.MEANINGS
    )
    action_scale: float = parameter(1.0, "Their reach, as in the driver: the policy's.", minimum=0.0, maximum=2.0)
    smoothing: float = parameter(None, "Their moving average, as in the filter.", minimum=0.01, maximum=1.0)
    locked_wrist: bool = parameter(False, "Hold still what the robot can lock, as the driver's lock_wrist does.")
    fingers_raised: float = parameter(None, "How the robot is tilted, rad.", minimum=-1.5, maximum=1.5)
    calibration: str = parameter("", "File of `calibrate model` with the parameters that the robot's model gets.")
    marker_noise: float = parameter(2e-5, "Standard deviation of marker positions, m (B.2).", minimum=0.0, maximum=0.1)
    marker_delay: float = parameter(0.0, "How late marker positions are measured, s.", minimum=0.0, maximum=0.5)
    friction: float = parameter(1.0, "Factor on the friction of all surfaces.", minimum=0.1, maximum=10.0)
    push: float = parameter(
        0.0,
        "Pushes on the object while a trial runs: standard deviation of a new one along each axis, m/s². 0: none.",
        minimum=0.0,
        maximum=100.0,
    )
    push_probability: float = parameter(0.05, "That one begins, per control step.", minimum=0.0, maximum=1.0)
    push_decay: float = parameter(0.99, "Share of it that is left a control step later.", minimum=0.0, maximum=1.0)
    witnesses: int = parameter(
        0, "Publish object_pose/truth, and let time begin once so many listen to it. 0: neither.", minimum=0
    )
    image_width: int = parameter(320, "Pixels; a CPU cannot render 37 larger a second.", minimum=16, maximum=1920)
    image_height: int = parameter(240, "Pixels; the pose estimator takes 216 of them.", minimum=16, maximum=1080)
    mesh_grid: float = parameter(
        0.006,
        "For images, vertices of the robot's meshes are merged on such a grid, m; 0: none.",
        minimum=0.0,
        maximum=0.05,
    )
    viewer: bool = parameter(False, "Show the simulation in a window.")
    machine_clock: bool = parameter(False, "Stamp with the machine's clock, as hardware does; not in lockstep.")


class Camera(NamedTuple):
    """A simulated camera's publishers and the messages they send."""

    image_publisher: Publisher
    info_publisher: Publisher
    image: Image
    info: CameraInfo

    def wanted(self) -> bool:
        return self.image_publisher.get_subscription_count() > 0


class Sim(DactylNode):
    """joint targets, trial/status -> /clock, /joint_states, mocap/markers, images."""

    def __init__(self) -> None:
        super().__init__("sim")
        self.robot = robots.load(self.asked("robot", DEFAULTS["robots"]))
        own = {"fingers_raised": self.robot.tilt, "smoothing": self.robot.action.smoothing}
        self.settings = settings = self.declare(Parameters, own)
        self.driver = drivers.load(self.robot)
        commands = self.driver.topics(settings.interface)
        if settings.lockstep and settings.interface == "position":
            raise DactylError("lockstep needs interface = trajectory: position commands carry no stamp")
        scene = build(
            SceneConfig(
                settings.object,
                settings.locked_wrist,
                settings.fingers_raised,
                robot=self.robot.name,
                calibration=settings.calibration,
            )
        )
        scene.model.geom_friction *= settings.friction
        meaning = ActionMeaning(settings.action_origin, settings.action_scale, settings.smoothing)
        task = tasks.load(settings.task)
        task = task.under(task.rules_with(settings.rules))
        self.laboratory = Laboratory(
            scene, task, settings.seed, settings.marker_noise, meaning, settings.marker_delay, _pushes(settings)
        )
        timing = self.robot.timing
        self.step_ns = round(timing.physics * 1e9)
        self.period_ns = self.step_ns * timing.substeps
        self.time_ns = self.period_ns

        self.changed = threading.Condition()
        """Guards the commands and the status, which come in one thread and are used in another."""
        self.commands: dict[str, Command] = {}
        self.command_bytes: dict[str, bytes] = {}
        self.command_stamps: dict[str, int] = dict.fromkeys(commands, -1)
        self.status = TrialStatus(state=TrialStatus.FINISHED)
        self.placed: int | None = None
        """The trial the object was last placed for."""
        self.paused = False
        self.fault = Fault.NONE
        add_setting(self, "paused", False, "Let no time pass; not in lockstep.", self.on_paused)
        add_setting(self, "fault", self.fault.value, f"What is broken: one of {', '.join(FAULTS)}.", self.on_fault)
        self.refused = Counter[str]()
        self.recent = Recent()
        self.simulated = self.lagged = self.images = self.images_skipped = 0
        self.reported = (time.monotonic(), 0)
        self.begun = settings.witnesses == 0
        """Time has."""
        self._make_messages()
        self._make_publishers()
        self.polled: dict[str, Subscription] = {}
        """In real time commands are looked at in each physics step: nothing could be done with them before."""
        self._listen_to(commands)
        self.create_subscription(TrialStatus, topics.STATUS, self.on_status, messages.LATCHED)

        self.stopping = threading.Event()
        self.shown = coarse(scene, settings.mesh_grid) if self.cameras else scene
        self.renderer: SceneRenderer | None = None
        self.exposure: tuple[int, np.ndarray] | None = None
        self.exposed = threading.Condition()
        loops = [self._in_lockstep] if settings.lockstep else [self._in_real_time, self._render_exposures]
        self.threads = [threading.Thread(target=self._guarded, args=[loop], daemon=True) for loop in loops]
        for thread in self.threads:
            thread.start()

    # ---------------------------------------------------------------------------------------------- what comes in

    def _listen_to(self, commands: dict[str, type]) -> None:
        """Subscribe to the commands, message types by topic."""
        group = NotExecuted()
        for topic, kind in commands.items():
            if self.settings.lockstep:
                self.create_subscription(kind, topic, partial(self.on_command, topic), messages.RELIABLE, raw=True)
            else:
                self.polled[topic] = subscribe(self, kind, topic, messages.RELIABLE, group, raw=True)

    def _take_commands(self) -> None:
        for topic, subscription in self.polled.items():
            for taken in take(subscription):
                self.on_command(topic, taken.message)

    def on_command(self, topic: str, data: bytes) -> None:
        """Take a command unless it repeats the last one, so that a placed object is not moved by an old one."""
        if data == self.command_bytes.get(topic):
            return
        self.command_bytes[topic] = data
        try:
            command = self.driver.decode(topic, data)
        except ValueError as error:
            self.refused[str(error)] += 1
            self.get_logger().error(f"refused a command on {topic}: {error}", throttle_duration_sec=1.0)
            return
        with self.changed:
            self.commands[topic] = command
            self.command_stamps[topic] = command.stamp_ns
            self.changed.notify()

    def on_status(self, message: TrialStatus) -> None:
        with self.changed:
            self.status = message
            self.changed.notify()

    def on_paused(self, paused: bool) -> None:
        if self.settings.lockstep or self.settings.machine_clock:
            raise DactylError("cannot pause: in lockstep and on the machine's clock time is not the simulator's own")
        self.paused = paused

    def on_fault(self, fault: str) -> None:
        if fault not in FAULTS:
            raise DactylError(f"there is no fault {fault!r}; there are: {', '.join(FAULTS)}")
        self.fault = Fault(fault)

    # -------------------------------------------------------------------------------------------------- the loops

    def _guarded(self, loop: Callable[[], None]) -> None:
        """Run a loop in its thread; the node ends with it."""
        try:
            loop()
        except BaseException as error:
            if not self.stopping.is_set() and self.context.ok():
                self.fail(error)
        finally:
            if self.renderer is not None and loop != self._in_real_time:
                self.renderer.close()

    def _in_real_time(self) -> None:
        viewer = self._open_viewer()
        self._await_witnesses()
        next_frame = due = time.monotonic()
        while not self.stopping.is_set():
            if self.paused:
                time.sleep(0.02)
                due = time.monotonic()
                continue
            self._apply_commands()
            if self._object_wanted():
                self._place_object()
                self._take_commands()
                with self.changed:
                    self.commands.clear()  # they were for the hand as it was before
                taken = round((time.monotonic() - due) * 1e9) // self.period_ns * self.period_ns
                self._advance_time(taken)
                due += taken * 1e-9
            self._drop_object_if_told()
            if self.settings.machine_clock:
                self._follow_machine_clock(due)
            if self.time_ns % self.period_ns == 0:
                self._push()
            self.laboratory.step()
            self._advance_time(self.step_ns)
            self._read_sensors()
            self._publish_sensors()
            if self.time_ns % self.period_ns == 0:
                self._expose()
            if viewer and due >= next_frame:
                next_frame = due + VIEWER_PERIOD
                if not viewer.is_running():
                    self.finish()
                    return
                viewer.sync()
            due += self.robot.timing.physics
            lag = time.monotonic() - due
            if lag > MAX_LAG:
                self.lagged += 1
                due += lag
            elif lag < 0:
                time.sleep(-lag)

    def _in_lockstep(self) -> None:
        self._await_witnesses()
        while not self.stopping.is_set():
            self._read_sensors()
            self._publish_sensors()
            self._publish_images()
            self._await_answer()
            self._apply_commands()
            if self._object_wanted():
                self._place_object()
            else:
                self._push()
                self.laboratory.step(self.robot.timing.substeps)
            self._advance_time(self.period_ns)

    def _await_witnesses(self) -> None:
        """Let nothing happen that a referee or a recorder would miss."""
        while self.truth_publisher and not self.stopping.is_set():
            if self.truth_publisher.get_subscription_count() >= self.settings.witnesses:
                break
            time.sleep(0.02)
        self.reported = (time.monotonic(), self.simulated)
        self.begun = True

    def _await_answer(self) -> None:
        """Wait for the targets of this tick, or for a status of this tick that says that there will be none."""
        start = said = time.monotonic()
        while not self.stopping.is_set():
            with self.changed:
                if self.changed.wait_for(self._answered, timeout=SEND_AGAIN):
                    return
                begun = min(self.command_stamps.values()) >= 0
                waits_for = topics.STATUS if not self._status_is_current() else "joint targets"
            waited = time.monotonic() - start
            if begun and waited > self.settings.lockstep_timeout:
                self.get_logger().warning(f"lockstep: no {waits_for} for {waited:.1f} s; going on without")
                return
            if time.monotonic() - said > 5.0:
                said = time.monotonic()
                self.get_logger().info(f"lockstep: waiting for {waits_for}")
            self._publish_sensors()
            self._publish_images()

    def _publish_images(self) -> None:
        """In lockstep: what the cameras see now, to whoever has come to want it or has lost it."""
        if any(camera.wanted() for camera in self.cameras):
            self._render(self.time_ns, self.laboratory.data.qpos)

    def _status_is_current(self) -> bool:
        return messages.nanoseconds(self.status.header.stamp) == self.time_ns

    def _answered(self) -> bool:
        if not self._status_is_current():
            return False
        return self.status.state != TrialStatus.RUNNING or all(
            stamp == self.time_ns for stamp in self.command_stamps.values()
        )

    def _advance_time(self, ns: int) -> None:
        self.time_ns += ns
        self.simulated += ns

    def _follow_machine_clock(self, due: float) -> None:
        """Leave out the time that was lost, so that the step that is due, monotonic s, is stamped with its own time."""
        behind = time.time_ns() - self.time_ns - self.step_ns - round((time.monotonic() - due) * 1e9)
        self.time_ns += max(behind // self.step_ns, 0) * self.step_ns

    def _apply_commands(self) -> None:
        self._take_commands()
        with self.changed:
            commands, self.commands = self.commands, {}
            if self.status.state == TrialStatus.AWAITING_OBJECT:
                return  # the operator has the hand
        for command in commands.values():
            self.laboratory.command(command.actuators, command.targets)

    def _object_wanted(self) -> bool:
        if self.status.state != TrialStatus.AWAITING_OBJECT:
            return False
        return self.status.trial != self.placed or self.laboratory.object_dropped()

    def _place_object(self) -> None:
        self.placed = self.status.trial
        draws = self.laboratory.place_object(self.placed)
        self.get_logger().debug(f"placed the object for trial {self.placed} after {draws} draws")

    def _push(self) -> None:
        """Once a control step; nobody pushes what the operator has, or what lies there between trials."""
        self.laboratory.push(self.status.state == TrialStatus.RUNNING)

    def _drop_object_if_told(self) -> None:
        if self.fault is Fault.OBJECT_DROPPED:
            self.fault = Fault.NONE
            self.laboratory.drop_object()

    # ------------------------------------------------------------------------------------------------ what goes out

    def _make_messages(self) -> None:
        self.clock = Clock()
        self.joint_states = JointState(name=[self.robot.ros_name(joint) for joint in self.robot.joints])
        scene = self.laboratory.scene
        ids = usual_ids(*(len(sites) for sites in (scene.fingertip_sites, scene.base_sites, scene.object_sites)))
        self.hidden = {Fault.FINGERTIP_HIDDEN: ids.fingertips[:1], Fault.OBJECT_HIDDEN: ids.object}
        """Ids of the markers that motion capture does not see, by fault."""
        self.markers = MocapMarkers(markers=[MocapMarker(id=id, condition=1.0) for part in ids for id in part])
        self.markers.header.frame_id = "mocap"
        self.truth = PoseStamped()
        self.truth.header.frame_id = "hand"

    def _make_publishers(self) -> None:
        self.clock_publisher = self.create_publisher(Clock, topics.CLOCK, messages.SENSOR)
        self.joint_publisher = self.create_publisher(JointState, topics.JOINT_STATES, messages.SENSOR)
        self.marker_publisher = self.create_publisher(MocapMarkers, topics.MARKERS, messages.SENSOR)
        told = self.settings.witnesses > 0
        self.truth_publisher = (
            self.create_publisher(PoseStamped, topics.TRUTH_POSE, messages.RELIABLE) if told else None
        )
        width, height = self.settings.image_width, self.settings.image_height
        self.cameras = []
        for name in self.robot.cameras.places:
            image = Image(width=width, height=height, encoding="rgb8", step=3 * width)
            info = pinhole_info(f"{name}_optical", self.robot.cameras.fovy, width, height)
            image.header.frame_id = info.header.frame_id
            self.cameras.append(
                Camera(
                    self.create_publisher(Image, topics.image(name), messages.SENSOR),
                    self.create_publisher(CameraInfo, topics.camera_info(name), messages.SENSOR),
                    image,
                    info,
                )
            )

    def _read_sensors(self) -> None:
        """Put the state of the hardware into the messages."""
        stamp = Time()
        messages.set_stamp(stamp, self.time_ns)
        self.clock.clock = self.joint_states.header.stamp = self.markers.header.stamp = stamp
        self.truth.header.stamp = stamp
        angles, velocities, torques = self.laboratory.joint_states()
        message = self.joint_states
        message.position, message.velocity, message.effort = angles.tolist(), velocities.tolist(), torques.tolist()
        for marker, where in zip(self.markers.markers, self.laboratory.markers().tolist(), strict=True):
            marker.position.x, marker.position.y, marker.position.z = where
            marker.condition = 0.0 if marker.id in self.hidden.get(self.fault, ()) else 1.0

    def _publish_sensors(self) -> None:
        self.clock_publisher.publish(self.clock)
        if self.fault is not Fault.JOINTS_SILENT:
            self.joint_publisher.publish(self.joint_states)
        self.marker_publisher.publish(self.markers)
        if self.time_ns % self.period_ns == 0:
            self._publish_truth()
            for camera in self.cameras:
                if camera.info_publisher.get_subscription_count():
                    camera.info.header.stamp = self.joint_states.header.stamp
                    camera.info_publisher.publish(camera.info)

    def _publish_truth(self) -> None:
        if self.truth_publisher:
            position, orientation = self.laboratory.object_pose()
            messages.set_point(self.truth.pose.position, position)
            messages.set_quaternion(self.truth.pose.orientation, orientation)
            self.truth_publisher.publish(self.truth)

    def _expose(self) -> None:
        """Hand the moment to the rendering thread, if somebody wants to see it."""
        if not any(camera.wanted() for camera in self.cameras):
            return
        with self.exposed:
            if self.exposure is not None:
                self.images_skipped += 1
                self.get_logger().warning("rendering cannot keep up with the control steps", throttle_duration_sec=10.0)
            self.exposure = (self.time_ns, self.laboratory.data.qpos.copy())
            self.exposed.notify()

    def _render_exposures(self) -> None:
        # behind the control loop, which shares the cores
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
        while not self.stopping.is_set():
            with self.exposed:
                self.exposed.wait_for(lambda: self.exposure is not None, timeout=0.2)
                exposure, self.exposure = self.exposure, None
            if exposure is not None:
                self._render(*exposure)

    def _render(self, time_ns: int, qpos: np.ndarray) -> None:
        """Publish what the wanted cameras see; always called in the same thread, which OpenGL demands."""
        if self.renderer is None:
            width, height = self.settings.image_width, self.settings.image_height
            buffer = self.shown.model.vis.global_
            buffer.offwidth, buffer.offheight = width, height  # a larger one is only memory
            self.renderer = SceneRenderer(self.shown, width, height)
        for name, camera in zip(self.robot.cameras.places, self.cameras, strict=True):
            if camera.wanted():
                if messages.nanoseconds(camera.image.header.stamp) != time_ns:  # or it is sent again
                    pixels = self.renderer.render(qpos, name)
                    dark = self.fault is Fault.CAMERAS_DARK
                    camera.image.data = to_message(np.zeros_like(pixels) if dark else pixels).data
                    messages.set_stamp(camera.image.header.stamp, time_ns)
                camera.image_publisher.publish(camera.image)
        self.images += 1

    def _open_viewer(self) -> Any:
        if not self.settings.viewer:
            return None
        if problem := display.problem():
            self.get_logger().warning(f"{problem}: the simulation runs without a window")
            return None
        import mujoco.viewer

        laboratory = self.laboratory
        viewer = mujoco.viewer.launch_passive(
            laboratory.model, laboratory.data, show_left_ui=False, show_right_ui=False
        )
        viewer.cam.lookat[:] = laboratory.palm
        viewer.cam.distance, viewer.cam.azimuth, viewer.cam.elevation = 0.6, 110.0, -45.0
        return viewer

    def diagnose(self) -> Diagnosis:
        if not self.begun:
            return warning("time has not begun: too few listen to object_pose/truth")
        now = time.monotonic()
        since, simulated = self.reported
        factor = (self.simulated - simulated) * 1e-9 / (now - since)
        self.reported = (now, self.simulated)
        values = {
            "real-time factor": round(factor, 4),
            "lags": self.lagged,
            "image sets": self.images,
            "image sets skipped": self.images_skipped,
            **self.refused,
        }
        if not self.settings.lockstep and factor < 0.99:
            self.get_logger().warning(f"slower than real time: factor {factor:.2f}", throttle_duration_sec=10.0)
            return warning("slower than real time", **values)
        if self.recent.grown(self.refused, now):
            return warning("commands were refused", **values)
        return Diagnosis("lockstep" if self.settings.lockstep else "real time", values=values)

    def destroy_node(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout=1.0)
        super().destroy_node()


def _pushes(settings: Parameters) -> Pushes | None:
    config = PushConfig(settings.push, settings.push_probability, settings.push_decay)
    return Pushes(config, settings.seed) if settings.push else None


def main() -> int:
    sys.setswitchinterval(0.0005)  # s; physics waits for no other thread longer than that
    return run(Sim)


if __name__ == "__main__":
    sys.exit(main())
