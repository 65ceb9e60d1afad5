"""A page with a slider for each actuator: a person plays with the object, and what happens is recorded.

It stands in for the teleoperation of Lin et al. (section III-C): the person need not accomplish the task.
"""

from __future__ import annotations

import time
from contextlib import suppress

import numpy as np
import viser

from dactyl.environment.laboratory import Laboratory
from dactyl.environment.start_states import States
from dactyl.environment.task import Task
from dactyl.maths import quaternion
from dactyl.monitoring.dashboard.hand_view import HandView
from dactyl.simulation.scene import Scene

PERIOD = 0.1
"""s between two targets, and between two states that are recorded: 10 Hz."""
FASTEST = 0.15
"""rad that a target moves in that time, however a slider is thrown."""


class Session:
    """The robot and its object at play. No page: that is `record`'s."""

    def __init__(self, scene: Scene, task: Task, seed: int) -> None:
        self.scene = scene
        self.laboratory = Laboratory(scene, task, seed, marker_noise=0.0)
        self.recorded: list[tuple[np.ndarray, np.ndarray]] = []
        self._steps = round(PERIOD / scene.robot.timing.physics)
        self.targets = np.zeros(len(scene.robot.actuators))
        self.place()

    def place(self) -> None:
        """Begin again, with the object placed as the task says."""
        self.laboratory.place_object(0)
        angles = self.laboratory.data.qpos[self.scene.joints]
        limits = self.scene.robot.actuator_limits
        self.targets = np.clip(self.scene.robot.actuator_positions(angles), limits[:, 0], limits[:, 1])

    def advance(self, wanted: np.ndarray, recording: bool) -> None:
        """A tenth of a second with sliders at (A,), rad. What is not finite, or beyond the limits, is not followed."""
        limits = self.scene.robot.actuator_limits
        wanted = np.where(np.isfinite(wanted), wanted, self.targets)
        step = np.clip(wanted - self.targets, -FASTEST, FASTEST)
        self.targets = np.clip(self.targets + step, limits[:, 0], limits[:, 1])
        self.laboratory.command(list(range(len(self.targets))), self.targets)
        self.laboratory.step(self._steps)
        if recording and not self.laboratory.object_dropped():
            data = self.laboratory.data
            self.recorded.append((data.qpos.copy(), data.qvel.copy()))

    def states(self) -> States:
        """What was recorded."""
        if not self.recorded:
            model = self.scene.model
            return States(np.zeros((0, model.nq)), np.zeros((0, model.nv)))
        qpos, qvel = zip(*self.recorded, strict=True)
        return States(np.stack(qpos), np.stack(qvel))


def record(scene: Scene, task: Task, seconds: float, port: int, seed: int) -> States:
    """Serve the page until so much is recorded, or Ctrl-C; on this machine only.

    Args:
        scene: robot and object.
        task: says where the object begins.
        seconds: of recording.
        port: of the page.
        seed: of where the object lies.
    """
    session = Session(scene, task, seed)
    server = viser.ViserServer(host="127.0.0.1", port=port, verbose=False)
    view = HandView(server, scene)
    gui = server.gui
    recording = gui.add_checkbox("record", False)
    again = gui.add_button("object back")
    handles = [
        gui.add_slider(name, float(low), float(high), 0.01, float(np.clip(now, low, high)))
        for name, (low, high), now in zip(
            scene.robot.actuators, scene.robot.actuator_limits, session.targets, strict=True
        )
    ]
    asked: list[bool] = []
    again.on_click(lambda _: asked.append(True))
    print(f"http://127.0.0.1:{port}: play, with `record` ticked for {seconds:g} s; Ctrl-C ends it sooner", flush=True)
    with suppress(KeyboardInterrupt):
        while len(session.recorded) < seconds / PERIOD:
            began = time.monotonic()
            if asked:
                asked.clear()
                session.place()
                for handle, target in zip(handles, session.targets, strict=True):
                    handle.value = float(target)  # type: ignore[misc]  # viser's stubs: it has a setter
            session.advance(np.array([handle.value for handle in handles]), bool(recording.value))
            _show(view, session)
            time.sleep(max(0.0, PERIOD - (time.monotonic() - began)))
    server.stop()
    return session.states()


def _show(view: HandView, session: Session) -> None:
    scene, qpos = session.scene, session.laboratory.data.qpos
    view.pose_hand(qpos[scene.joints])
    back = quaternion.conjugate(scene.hand_quaternion)
    position = quaternion.rotate(back, qpos[scene.object_position] - scene.hand_position)
    view.pose_object(position, quaternion.multiply(back, qpos[scene.object_orientation]))
