"""The dashboard: a web page with the hand in 3D, the cameras, the trial, the nodes and some buttons.

Nothing of it exists until somebody looks: the web server is started by the first visit, and topics are subscribed to
while a page is open. Messages are then taken a few times a second, however many there are.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rcl_interfaces.srv import SetParameters
from rclpy.client import Client
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from sensor_msgs.msg import Image, JointState
from std_srvs.srv import Trigger

from dactyl import topics
from dactyl.environment import task as tasks
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.monitoring.dashboard.front_door import LOCAL, FrontDoor
from dactyl.registry import DEFAULTS
from dactyl.robot import robot
from dactyl.ros import messages
from dactyl.ros.node import DactylNode, Diagnosis, run
from dactyl.ros.parameters import JOINT_STATES, parameter
from dactyl.ros.polling import NotExecuted, Taken, subscribe, take
from dactyl.simulation.faults import FAULTS
from dactyl_msgs.msg import FingertipPositions, HandAction, MocapMarkers, TrialStatus
from dactyl_msgs.srv import SetGoal

if TYPE_CHECKING:
    from dactyl.monitoring.dashboard.page import Page
    from dactyl.monitoring.dashboard.panels import Actions

PERIOD = 0.08  # s between looks at the topics: a control step
PICTURE_EVERY = 3  # looks
_EVERY = QoSProfile(depth=20, reliability=ReliabilityPolicy.BEST_EFFORT)


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    host: str = parameter("127.0.0.1", "Address to listen on. Any but this machine's own demands a token.")
    port: int = parameter(8090, "First port to try.", minimum=1, maximum=65000)
    robot: str = parameter(DEFAULTS["robots"], "Name of the robot.")
    task: str = parameter(DEFAULTS["tasks"], "Name of the task.")
    object: str = parameter("block", "Object in the hand.")
    object_pose: str = parameter("mocap", "Source of the object's pose.", choices=("mocap", "vision"))
    joint_states: str = parameter(topics.JOINT_STATES, JOINT_STATES)
    simulated: bool = parameter(False, "Whether the hand is: only then it can be paused and faults be injected.")
    policies: str = parameter("", "Policy files to choose from, separated by colons.")


class Dashboard(DactylNode):
    """everything -> a web page; the page's buttons -> services and parameters of the graph."""

    def __init__(self) -> None:
        super().__init__("dashboard")
        self.settings = settings = self.declare(Parameters)
        self.cameras = tuple(robot.load(settings.robot).cameras.places)
        self.page: Page | None = None
        """Once somebody has looked."""
        self.group = NotExecuted()
        self.taps: dict[str, Subscription] = {}
        self.wanted: SimpleQueue[Callable[[], None]] = SimpleQueue()
        """What buttons ask for, done in the node's own thread."""
        self.clients_of: dict[str, Client] = {}
        self.looks = 0
        self.door = FrontDoor(settings.host, settings.port, self._open_page)
        listening: SimpleQueue[BaseException | None] = SimpleQueue()
        threading.Thread(target=self._listen, args=[listening], daemon=True).start()
        if error := listening.get():
            raise DactylError(f"the dashboard cannot listen on {settings.host}:{settings.port}: {error}")
        self.wall_timer(PERIOD, self._look)
        print(f"open {self.door.url} to watch", flush=True)  # not to the log: its token would be in every bag
        if settings.host not in LOCAL:
            self.get_logger().warning("whoever has this address with its token can see and move the hand")

    def _listen(self, listening: SimpleQueue[BaseException | None]) -> None:
        async def serve() -> None:
            try:
                server = await self.door.start()
            except OSError as error:
                listening.put(error)
                return
            listening.put(None)
            await server.serve_forever()

        asyncio.run(serve())

    # -------------------------------------------------------------------------------------------- the page opens

    def _open_page(self) -> int:
        """Start the web server behind the door; called once, in a thread of the door."""
        # what nobody may ever want to see is not imported before: viser, MuJoCo, 1 s and 100 MB
        import rich

        from dactyl.monitoring.dashboard.page import Page
        from dactyl.simulation.scene import SceneConfig, build

        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
            port = int(free.getsockname()[1])
        rich.get_console().quiet = True  # viser's banner gives the address behind the door
        logging.getLogger("websockets").setLevel(logging.CRITICAL)  # it reports each browser that goes away
        settings = self.settings
        scene = build(SceneConfig(settings.object, robot=settings.robot))
        self.page = Page(port, scene, tasks.load(settings.task), settings.object_pose, self._actions())
        return port

    # ------------------------------------------------------------------------------------------- in the node's thread

    def _topics(self, pictures: bool) -> dict[str, tuple[type[Any], QoSProfile]]:
        kinds: dict[str, tuple[type[Any], QoSProfile]] = {
            topics.JOINT_STATES: (JointState, messages.SENSOR),
            topics.MOCAP_POSE: (PoseStamped, _EVERY),  # to find the one that a picture shows
            topics.VISION_POSE: (PoseStamped, _EVERY),
            topics.FINGERTIPS: (FingertipPositions, messages.SENSOR),
            topics.MARKERS: (MocapMarkers, messages.SENSOR),
            topics.GOAL: (PoseStamped, messages.LATCHED),
            topics.STATUS: (TrialStatus, messages.LATCHED),
            topics.ACTION: (HandAction, QoSProfile(depth=1)),
            topics.DIAGNOSTICS: (DiagnosticArray, QoSProfile(depth=50)),
        }
        if pictures:
            kinds |= {topics.image(name): (Image, messages.SENSOR) for name in self.cameras}
        return kinds

    def _look(self) -> None:
        if self.page is None:
            return
        wanted = self._topics(self.page.pictures_wanted()) if self.page.watched() else {}
        for topic in [topic for topic in self.taps if topic not in wanted]:
            self.destroy_subscription(self.taps.pop(topic))
        for topic, (kind, qos) in wanted.items():
            if topic not in self.taps:
                name = self.settings.joint_states if topic == topics.JOINT_STATES else topic
                self.taps[topic] = subscribe(self, kind, name, qos, self.group, raw=False)
        for _ in range(self.wanted.qsize()):
            self.wanted.get_nowait()()
        if wanted:
            self.looks += 1
            self.page.update(self._take(), self.looks)

    def _take(self) -> dict[str, list[Taken]]:
        taken = {}
        for topic, tap in self.taps.items():
            if topic.endswith("image_raw") and self.looks % PICTURE_EVERY:
                continue
            if found := take(tap):
                taken[topic] = found
        return taken

    # ------------------------------------------------------------------------------------------------- what buttons do

    def _actions(self) -> Actions:
        from dactyl.monitoring.dashboard.panels import Actions

        simulated, policies = self.settings.simulated, self._policies()
        released = "the hand is stopped; hand_driver/reset releases it"
        return Actions(
            reset=lambda: self._call(Trigger, "trial/reset", Trigger.Request(), "the trial begins anew"),
            stop=lambda: self._call(Trigger, "hand_driver/stop", Trigger.Request(), released),
            set_goal=self._set_goal,
            random_goal=lambda: self._set_goal(quaternion.uniform(np.random.default_rng().standard_normal(4))),
            choose_policy=lambda name: self._set_parameter("policy", "load", policies[name], f"policy {name}"),
            policies=tuple(policies),
            pause=self._pause if simulated else None,
            inject=self._inject if simulated else None,
            faults=tuple(FAULTS),
        )

    def _pause(self, paused: bool) -> None:
        self._set_parameter("sim", "paused", paused, "paused" if paused else "it goes on")

    def _inject(self, fault: str) -> None:
        self._set_parameter("sim", "fault", fault, f"fault: {fault}")

    def _set_goal(self, orientation: np.ndarray) -> None:
        """(4,) in the hand frame."""
        request = SetGoal.Request()
        messages.set_quaternion(request.orientation, orientation)
        self._call(SetGoal, "trial/set_goal", request, "a new goal")

    def _set_parameter(self, node: str, name: str, value: bool | str, done: str) -> None:
        """Set one parameter of a node."""
        request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        self._call(SetParameters, f"{node}/set_parameters", request, done)

    def _call(self, kind: type[Any], service: str, request: Any, done: str) -> None:
        """Call a service from the node's thread and tell the page how it went."""

        def call() -> None:
            if service not in self.clients_of:
                self.clients_of[service] = self.create_client(kind, service)
            self._call_when_ready(service, request, done, time.monotonic() + 3.0)

        self.wanted.put(call)

    def _call_when_ready(self, service: str, request: Any, done: str, deadline: float) -> None:
        client = self.clients_of[service]
        if client.service_is_ready():
            client.call_async(request).add_done_callback(lambda future: self._tell(future.result(), done))
        elif time.monotonic() < deadline:
            self.wanted.put(lambda: self._call_when_ready(service, request, done, deadline))
        else:
            self._say(f"there is no service {service}", False)

    def _say(self, text: str, good: bool) -> None:
        if self.page is not None:
            self.page.panels.say(text, good)

    def _tell(self, response: Any, done: str) -> None:
        if isinstance(response, SetParameters.Response):
            good, why = response.results[0].successful, response.results[0].reason
        else:
            good, why = response.success, response.message
        self._say(done if good else why, good)

    def _policies(self) -> dict[str, str]:
        """Policy files to choose from, by the names that people know them by."""
        paths = [Path(path) for path in self.settings.policies.split(":") if path]
        return {path.parent.name if path.name == "policy.safetensors" else path.name: str(path) for path in paths}

    def diagnose(self) -> Diagnosis:
        watching = len(self.page.server.get_clients()) if self.page else 0
        return Diagnosis("somebody watches" if watching else "nobody watches", values={"pages open": watching})


def main() -> int:
    return run(Dashboard)


if __name__ == "__main__":
    sys.exit(main())
