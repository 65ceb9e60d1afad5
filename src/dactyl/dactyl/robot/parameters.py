"""Physical parameters of a robot's model that a calibration finds (appendix C.3), and the file that carries them.

The file is YAML and lists what differs from the model; what it does not name stays as the model has it:

    robot: shadow
    joints: {FFJ3: {damping: 0.13, lower: -0.21}}
    actuators: {FFJ3: {gain: 1.2, backlash_positive: 5.1}}

Of a robot with joints that others move there may also be, by the moved joint:

    couplings: {R_index_intermediate_joint: {k: 0.93, b: 0.02}}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from dactyl.errors import DactylError
from dactyl.robot import backlash
from dactyl.robot.robot import Robot
from dactyl.storage.documents import read_yaml
from dactyl.storage.files import write_atomically

JOINT_PARAMETERS = ("damping", "spring_reference", "friction_loss", "stiffness", "margin", "lower", "upper")
"""Of each joint: N·m·s/rad; rad at which its spring is at rest; N·m of static friction; N·m/rad of the spring; rad
before a limit at which it begins to push; rad, the lower and the upper limit."""
ACTUATOR_PARAMETERS = ("gain", "force_limit", "backlash_negative", "backlash_positive")
"""Of each actuator: N·m/rad; the largest N·m either way; slack rates of `robot.backlash` by direction."""
COUPLING_PARAMETERS = ("k", "b")
"""Of each joint that another moves, see `robot.Coupling`; rad/rad, rad. Its limits follow from the other's."""
_ANY_SIGN = ("spring_reference", "lower", "upper", *COUPLING_PARAMETERS)
_POSITIVE = ACTUATOR_PARAMETERS


@dataclass(frozen=True, eq=False)
class ModelParameters:
    """A value for each joint, actuator and coupling, in the robot's order."""

    joints: np.ndarray
    """(J, 7) in the order of `JOINT_PARAMETERS`."""
    actuators: np.ndarray
    """(A, 4) in the order of `ACTUATOR_PARAMETERS`."""
    couplings: np.ndarray = field(default_factory=lambda: np.zeros((0, len(COUPLING_PARAMETERS))))
    """(C, 2) in the order of `COUPLING_PARAMETERS`."""

    def joint(self, name: str) -> np.ndarray:
        """(J,) of one of `JOINT_PARAMETERS`; a view."""
        return self.joints[..., JOINT_PARAMETERS.index(name)]

    def actuator(self, name: str) -> np.ndarray:
        """(A,) of one of `ACTUATOR_PARAMETERS`; a view."""
        return self.actuators[..., ACTUATOR_PARAMETERS.index(name)]

    def coupling(self, name: str) -> np.ndarray:
        """(C,) of one of `COUPLING_PARAMETERS`; a view."""
        return self.couplings[..., COUPLING_PARAMETERS.index(name)]

    @property
    def backlash(self) -> np.ndarray:
        """(A, 2) slack rates of negative and positive motion."""
        return self.actuators[..., 2:]

    def vector(self) -> np.ndarray:
        """(P,) all of them, joints first; see `keys`."""
        return np.concatenate([part.reshape(-1) for part in (self.joints, self.actuators, self.couplings)])

    def copy(self) -> ModelParameters:
        """The same values, to be changed."""
        return ModelParameters(self.joints.copy(), self.actuators.copy(), self.couplings.copy())


class Key(NamedTuple):
    """Which parameter of which part."""

    part: str
    """Name of a joint, also of one that another moves, or of an actuator."""
    parameter: str

    def __str__(self) -> str:
        return f"{self.part} {self.parameter}"


def keys(robot: Robot) -> tuple[Key, ...]:
    """The name of each number of `ModelParameters.vector`."""
    return (
        *(Key(joint, name) for joint in robot.joints for name in JOINT_PARAMETERS),
        *(Key(actuator, name) for actuator in robot.actuators for name in ACTUATOR_PARAMETERS),
        *(Key(coupling.joint, name) for coupling in robot.couplings for name in COUPLING_PARAMETERS),
    )


def from_vector(robot: Robot, vector: np.ndarray) -> ModelParameters:
    """The inverse of `ModelParameters.vector`, over leading dimensions (…, P)."""
    kinds = (
        (len(robot.joints), len(JOINT_PARAMETERS)),
        (len(robot.actuators), len(ACTUATOR_PARAMETERS)),
        (len(robot.couplings), len(COUPLING_PARAMETERS)),
    )
    parts, start = [], 0
    for count, numbers in kinds:
        end = start + count * numbers
        parts.append(vector[..., start:end].reshape(*vector.shape[:-1], count, numbers))
        start = end
    return ModelParameters(*parts)


def paper_count(robot: Robot) -> int:
    """How many values appendix C.3 counts: every joint's own, and with each joint those of the actuator that moves it.

    The Shadow hand has 248 numbers, and 264 by this count: the actuators of its coupled joints count for both.
    """
    moved = int(np.count_nonzero(robot.actuation))
    own = len(robot.joints) * len(JOINT_PARAMETERS) + len(robot.couplings) * len(COUPLING_PARAMETERS)
    return own + moved * len(ACTUATOR_PARAMETERS)


def read(path: Path, robot: Robot) -> dict[Key, float]:
    """What a file changes of a robot's model.

    Raises:
        DactylError: it cannot be read, is for another robot, or names what there is not or cannot be.
    """
    document = read_yaml(path, "the model calibration")
    if not isinstance(document, Mapping) or "robot" not in document:
        raise DactylError(f"{path} is no model calibration: it names no robot")
    if document["robot"] != robot.name:
        raise DactylError(f"{path} is for the robot {document['robot']}, not for {robot.name}")
    sections = _sections(robot)
    if unknown := set(document) - {"robot", "about", *sections}:
        raise DactylError(f"{path}: unknown key {min(map(str, unknown))}")
    found = {
        key: value
        for section, (parts, names) in sections.items()
        for key, value in _section(path, section, document.get(section) or {}, parts, names).items()
    }
    for coupling in robot.couplings:
        if limits := {Key(coupling.joint, "lower"), Key(coupling.joint, "upper")} & set(found):
            raise DactylError(f"{path}: {min(limits)}: {coupling.moved_by} moves it, its limits follow")
    return found


def _sections(robot: Robot) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """A file's sections: whose parameters, and which."""
    return {
        "joints": (robot.joints, JOINT_PARAMETERS),
        "actuators": (robot.actuators, ACTUATOR_PARAMETERS),
        "couplings": (tuple(coupling.joint for coupling in robot.couplings), COUPLING_PARAMETERS),
    }


def _section(path: Path, section: str, values: Any, parts: tuple[str, ...], names: tuple[str, ...]) -> dict[Key, float]:
    if not isinstance(values, Mapping):
        raise DactylError(f"{path}: {section} must be a mapping, not {values!r}")
    found = {}
    for part, changes in values.items():
        if part not in parts:
            raise DactylError(f"{path}: {section} has {part}, which the robot has not")
        if not isinstance(changes, Mapping):
            raise DactylError(f"{path}: {section}.{part} must be a mapping, not {changes!r}")
        for name, value in changes.items():
            if name not in names:
                raise DactylError(f"{path}: unknown key {section}.{part}.{name}: choose from {', '.join(names)}")
            found[Key(part, name)] = _checked(f"{path}: {section}.{part}.{name}", name, value)
    return found


def _checked(where: str, name: str, value: Any) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not abs(value) < 1e300:  # a whole number may have any length
        raise DactylError(f"{where}: expected a finite number, not {value!r}")
    if (name in _POSITIVE and value <= 0) or (name not in _ANY_SIGN and value < 0):
        raise DactylError(f"{where} = {value} must be {'> 0' if name in _POSITIVE else '>= 0'}")
    return float(value)


def backlash_rates(robot: Robot, changes: Mapping[Key, float]) -> np.ndarray:
    """(A, 2) slack rates of negative and positive motion, see `robot.backlash`."""
    names = ACTUATOR_PARAMETERS[2:]
    return np.array([[changes.get(Key(part, name), backlash.NOMINAL) for name in names] for part in robot.actuators])


def lay_over(robot: Robot, nominal: ModelParameters, changes: Mapping[Key, float]) -> ModelParameters:
    """The model's parameters with changes put in.

    Raises:
        DactylError: a joint's limits would cross.
    """
    vector, places = nominal.vector(), {key: i for i, key in enumerate(keys(robot))}
    for key, value in changes.items():
        vector[places[key]] = value
    changed = from_vector(robot, vector)
    crossed = changed.joint("lower") >= changed.joint("upper")
    if crossed.any():
        joint = robot.joints[int(crossed.argmax())]
        raise DactylError(f"the model calibration's limits of {joint} cross")
    return changed


def differences(robot: Robot, nominal: ModelParameters, found: ModelParameters) -> dict[Key, float]:
    """What `lay_over` makes `found` of `nominal` with."""
    pairs = zip(keys(robot), nominal.vector(), found.vector(), strict=True)
    return {key: float(after) for key, before, after in pairs if before != after}


def write(path: Path, robot: Robot, changes: Mapping[Key, float], about: str = "") -> None:
    """Write changes as `read` reads them, the file whole or not at all.

    Raises:
        DactylError: it cannot be written.
    """
    document: dict[str, Any] = {"robot": robot.name, **({"about": about} if about else {})}
    for section, (parts, names) in _sections(robot).items():
        if not parts:
            continue
        document[section] = {
            part: values
            for part in parts
            if (values := {n: float(f"{changes[Key(part, n)]:.6g}") for n in names if Key(part, n) in changes})
        }
    text = yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=110)
    try:
        write_atomically(path, text)
    except OSError as error:
        raise DactylError(f"cannot write {path}: {error.strerror}") from error
