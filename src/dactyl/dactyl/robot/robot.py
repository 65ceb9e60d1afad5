"""What any robot is, as data: light enough for every node and for `--help`. What is heavy is named as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np

from dactyl import registry, topics
from dactyl.errors import DactylError
from dactyl.maths.arrays import Constant
from dactyl.maths.quaternion import Array
from dactyl.robot.control import ORIGINS, TORQUE


@dataclass(frozen=True)
class Timing:
    """The robot's two rhythms."""

    control: float
    """s between two decisions of a policy."""
    physics: float
    """s of a simulated physics step; also how often joint targets are streamed."""

    @property
    def substeps(self) -> int:
        """Physics steps in a control step."""
        return round(self.control / self.physics)

    def allows(self, period: float) -> bool:
        """Whether a policy could decide every `period` s: the robot's own, or a whole number of physics steps."""
        if period == self.control:
            return True
        if not self.physics / 2 < period < 1e6:
            return False
        steps = period / self.physics
        return abs(steps - round(steps)) < 1e-6


@dataclass(frozen=True)
class Positions:
    """Actions are targets of actuator positions."""

    bins: int
    """Of each actuator's action, from -1 to 1; odd, so that one of them is 0. With 0 bins an action is any number."""
    smoothing: float
    """Weight of the new action in the moving average, per control step."""
    tendons: bool = True
    """Whether there are tendons between motors and joints, which have backlash; else motors sit at their joints."""
    origins: ClassVar[tuple[str, ...]] = ORIGINS
    """What actions may be counted from; the first where nothing is said."""


@dataclass(frozen=True)
class Torques:
    """The robot's motors take torques, and actions are shares of the largest.

    Its own safety law bounds and damps them, see `torque.applied`. A law of the same motors makes them follow
    postures, see `torque.towards`: so it holds, and so actions may mean postures too.
    """

    limit: float
    """N·m, the largest torque of a motor."""
    damping: tuple[float, ...]
    """(A,) N·m·s/rad that the safety law takes away with a motor's speed."""
    stiffness: tuple[float, ...]
    """(A,) N·m/rad with which a motor is pulled to a posture."""
    bins: int = 0
    """See `Positions`."""
    smoothing: float = 1.0
    """See `Positions`."""
    tendons: ClassVar[bool] = False
    """See `Positions`."""
    origins: ClassVar[tuple[str, ...]] = (TORQUE, *reversed(ORIGINS))
    """See `Positions`."""


class Coupling(NamedTuple):
    """A joint without a motor: its angle is k times that of another + b, rad (Lin et al., appendix A)."""

    joint: str
    moved_by: str
    k: float
    b: float


@dataclass(frozen=True)
class Workspace:
    """Where an object is in reach, robot frame."""

    rest: np.ndarray
    """(3,) m; where an object rests: objects are placed there, losses are judged from it."""
    depth: float
    """m the object may sink below it."""
    radius: float
    """m it may be away from it."""


@dataclass(frozen=True)
class Cameras:
    """What looks at the workspace."""

    places: Mapping[str, tuple[float, float]]
    """Azimuth about the workspace, from the fingers' direction, and elevation, degrees; by the camera's name."""
    distance: float
    """m from the workspace."""
    fovy: float
    """Vertical field of view, degrees."""
    forward: np.ndarray = field(default_factory=lambda: np.array([0.0, -1.0, 0.0]))
    """(3,) the fingers' direction, robot frame: where azimuth 0 looks from."""
    aim: np.ndarray = field(default_factory=lambda: np.zeros(3))
    """(3,) m, robot frame: from where an object is placed to the middle of all pictures, where play carries it."""
    landmarks: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    """(L, 3) m, robot frame: points of what of the robot does not move, from which an estimator may learn to tell how
    each camera is turned."""


@dataclass(frozen=True, eq=False)
class Eye:
    """A depth camera that belongs to the robot, fixed to what of it does not move, or on a stand before it."""

    position: np.ndarray
    """(3,) m, robot frame."""
    looks_at: np.ndarray
    """(3,) m, robot frame: there the middle of its picture is; its lower edge is level."""
    fovy: float
    """Vertical field of view, degrees."""
    width: int
    height: int
    reach: float
    """m; what is further away is not seen."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an image: one channel, height, width."""
        return (1, self.height, self.width)


@dataclass(frozen=True)
class Markers:
    """What motion capture sees of the robot. Their ids are the lab's: see the fingertip tracker's parameters."""

    fingertips: np.ndarray
    """(F, 3) m, each in the frame of its fingertip's link."""
    base: np.ndarray
    """(B, 3) m, robot frame; no two distances between them are equal."""
    link_radii: np.ndarray
    """(F, L) m; a finger is a chain of L capsules, from its root outwards: they hide the markers behind them."""


@dataclass(frozen=True, eq=False)
class Robot:
    """One robot. Arrays are in the order of `joints`, `actuators` and `fingertips`."""

    name: str
    title: str
    """What people call it."""
    joints: tuple[str, ...]
    joint_limits: np.ndarray
    """(J, 2) lower and upper limit, rad."""
    actuators: tuple[str, ...]
    actuation: np.ndarray
    """(A, J): actuator positions = actuation @ joint angles."""
    fingertips: tuple[str, ...]
    """Names of the fingers."""
    workspace: Workspace
    cameras: Cameras
    markers: Markers
    timing: Timing
    action: Positions | Torques
    model: str
    """`module:function` that builds the simulated robot, see `simulation.scene.build`."""
    couplings: tuple[Coupling, ...] = ()
    """Joints that another one moves. The model has an equality for each, in this order, by the joint's name."""
    driver: str = ""
    """`module:function` that makes its `ros.driver.Driver`; empty: the plain one."""
    commands: str = ""
    """`module:function` that adds its commands to groups of the command line, given by name; empty: it has none."""
    eyes: Mapping[str, Eye] = field(default_factory=dict)
    """Depth cameras, by the names of their images."""
    locator: str = ""
    """The eye whose depth and mask say where the object is, a third view; empty: there is none."""
    opened: Mapping[str, float] = field(default_factory=dict)
    """Actuators of its hands, and the positions, rad, at which these let go of what they hold; empty: it has none."""
    slow_tracker: tuple[float, float] = (0.0, 0.0)
    """s between two poses of the object that the robot's own tracker gives, and s that they are old then. The
    graph's `fingertip_tracker` is so by default."""
    scripted_starts: str = ""
    """`module:function` that plays with the object by a script: a scene and a seed -> states in which episodes may
    begin, joint angles and velocities among them, (K, nq) and (K, nv); empty: there is none."""
    demonstrations: str = ""
    """`module:function` that does a task by a script: a scene, a seed and how many tries -> a list of those
    `Demonstration`s that carried the object somewhere; empty: there is none."""
    script_placements: tuple[str, ...] = ()
    """Of stickers, at which both scripts can touch what is too large for one hand: their last argument, if any."""
    exercise: str = ""
    """`module:function` that says how it is exercised for `calibrate model`; empty: each actuator by itself."""
    targets: Mapping[str, str] = field(default_factory=lambda: {topics.TARGETS: topics.TYPES[topics.TARGETS]})
    """Topics that joint targets go to the robot on, each with its message type. Where several are sent at a time only
    one is named, whose flow tells of all."""
    controllers: tuple[str, ...] = ()
    """Every topic that its driver may send commands on; empty: those of `targets`."""
    joint_prefix: str = ""
    """In front of a joint's or actuator's name in ROS and in the simulated model."""
    locked: Mapping[str, float] = field(default_factory=dict)
    """Joints that can be held still, and the angles, rad, at which: `locked_wrist`. Each has its own actuator."""
    gravity_compensation: float = 0.0
    """Share of its own weight that the robot's controllers carry, where it is not randomized."""
    tilt: float = 0.0
    """rad by which the robot is mounted; what that means is the model's to say."""
    up: np.ndarray = field(default_factory=lambda: np.array([0.0, 0.0, 1.0]))
    """(3,) the vertical in the robot frame when it is mounted like this."""

    def __post_init__(self) -> None:
        joints, actuators, fingertips = len(self.joints), len(self.actuators), len(self.fingertips)
        shapes = {
            "joint_limits": (self.joint_limits, (joints, 2)),
            "actuation": (self.actuation, (actuators, joints)),
            "markers.fingertips": (self.markers.fingertips, (fingertips, 3)),
            "markers.link_radii": (self.markers.link_radii, (fingertips, *self.markers.link_radii.shape[1:2])),
            "workspace.rest": (self.workspace.rest, (3,)),
            "cameras.aim": (self.cameras.aim, (3,)),
            "cameras.landmarks": (self.cameras.landmarks, (len(self.cameras.landmarks), 3)),
            "up": (self.up, (3,)),
        }
        for name, (array, expected) in shapes.items():
            if array.shape != expected:
                raise DactylError(f"robot {self.name}: {name} has shape {array.shape}, not {expected}")
        if self.action.bins and self.action.bins % 2 == 0:
            raise DactylError(f"robot {self.name}: {self.action.bins} bins: an odd number has a bin for 0")
        if isinstance(self.action, Torques):
            self._check_torques(self.action)
        if not all(0.0 <= seconds <= 10.0 for seconds in self.slow_tracker):
            raise DactylError(f"robot {self.name}: slow_tracker {self.slow_tracker} must be from 0 to 10 s")
        for coupling in self.couplings:
            if unknown := {coupling.joint, coupling.moved_by} - set(self.joints):
                raise DactylError(f"robot {self.name}: {min(unknown)} cannot be coupled: no joint has this name")
        if self.locator and self.locator not in self.eyes:
            raise DactylError(f"robot {self.name}: locator {self.locator!r} is none of its eyes")
        if unknown := set(self.opened) - set(self.actuators):
            raise DactylError(f"robot {self.name}: {min(unknown)} cannot be opened: no actuator has this name")
        if unknown := set(self.locked) - set(self.actuators):
            raise DactylError(f"robot {self.name}: {min(unknown)} cannot be locked: no actuator has this name")

    def deciding_every(self, period: float) -> Robot:
        """The same robot with another time between two decisions, s.

        Raises:
            DactylError: it is no whole number of physics steps.
        """
        if not self.timing.allows(period):
            step = self.timing.physics
            raise DactylError(f"control_period {period} s is no whole number of physics steps of {step} s")
        return replace(self, timing=Timing(period, self.timing.physics))

    def _check_torques(self, action: Torques) -> None:
        if not action.limit > 0:
            raise DactylError(f"robot {self.name}: the largest torque must be > 0, not {action.limit}")
        for name, values in (("damping", action.damping), ("stiffness", action.stiffness)):
            if len(values) != len(self.actuators) or not all(value >= 0 for value in values):
                raise DactylError(f"robot {self.name}: {name} needs a number >= 0 for each actuator, not {values}")

    def check_origin(self, origin: str) -> None:
        """Raise DactylError if the robot's actions cannot be counted from there."""
        if origin not in self.action.origins:
            raise DactylError(
                f"actions of the robot {self.name} are counted from {' or '.join(self.action.origins)}, not {origin!r}"
            )

    def check_calibratable(self) -> None:
        """Raise DactylError where `calibrate model` cannot fit the robot: it finds gains of position controllers."""
        if isinstance(self.action, Torques):
            raise DactylError(f"the robot {self.name} takes torques: a model calibration is for those with targets")

    @cached_property
    def actuator_limits(self) -> np.ndarray:
        """(A, 2) lower and upper limit of each actuator's position, rad."""
        limits: np.ndarray = self.actuation @ self.joint_limits
        return limits

    @cached_property
    def rest(self) -> Constant:
        """`workspace.rest`, for any array."""
        return Constant(self.workspace.rest)

    @cached_property
    def _to_actuators(self) -> Constant:
        return Constant(self.actuation.T)

    def actuator_positions(self, joint_angles: Array) -> Array:
        """Actuator positions (..., A) from joint angles (..., J), rad: coupled joints are added up."""
        return joint_angles @ self._to_actuators.like(joint_angles)

    def joints_of(self, actuator: str) -> tuple[str, ...]:
        """The joints whose angles add up to the actuator's position."""
        row = self.actuation[self.actuators.index(actuator)]
        return tuple(joint for joint, weight in zip(self.joints, row, strict=True) if weight)

    def ros_name(self, joint: str) -> str:
        """A joint's or actuator's name in ROS and in the simulated model."""
        return self.joint_prefix + joint


def load(name: str) -> Robot:
    """A robot by its name.

    Raises:
        DactylError: there is no such robot.
    """
    return registry.load("robots", name, Robot)


def names() -> tuple[str, ...]:
    """Every robot there is, without importing any."""
    return registry.names("robots")
