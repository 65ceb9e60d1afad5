"""Reads as much of a URDF file as robots of other packages have: links of meshes and cylinders, hinges, mounts."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np

from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.simulation.urdf import NOWHERE, Pose

_MARK = 0.02  # m


class Shape(NamedTuple):
    """Something to be seen."""

    place: Pose
    """In its link."""
    material: str
    mesh: Path | None
    cylinder: tuple[float, float]
    """Radius and length, m, along z; of a mesh zeros."""


class Link(NamedTuple):
    """A rigid part."""

    name: str
    mass: float
    """kg; 0: it has none of its own."""
    centre: np.ndarray
    """(3,) of mass, m."""
    inertia: np.ndarray
    """(3, 3) about it, kg·m²."""
    shapes: tuple[Shape, ...]


class Mimic(NamedTuple):
    """A joint that no motor moves: its angle is factor · that of another joint + offset."""

    joint: str
    factor: float
    offset: float
    """rad"""


class Joint(NamedTuple):
    """How a link hangs on another."""

    name: str
    parent: str
    child: str
    origin: Pose
    """Of the child in the parent, at the angle 0."""
    axis: np.ndarray | None
    """(3,) of a hinge; None: it is fixed."""
    limits: tuple[float, float]
    """rad"""
    effort: float
    """N·m, the largest of its motor; 0: the file says nothing."""
    mimic: Mimic | None


class Model(NamedTuple):
    """A whole file."""

    links: dict[str, Link]
    joints: tuple[Joint, ...]
    colours: dict[str, tuple[float, ...]]
    """Of materials, RGBA."""

    @property
    def root(self) -> str:
        """The link that hangs on no other."""
        children = {joint.child for joint in self.joints}
        (root,) = (name for name in self.links if name not in children)
        return root

    def hinges(self) -> tuple[Joint, ...]:
        """The joints that turn."""
        return tuple(joint for joint in self.joints if joint.axis is not None)


def read(path: Path, folder: Path, prefix: str) -> Model:
    """Read a file.

    Args:
        path: of the file.
        folder: that names of meshes begin in.
        prefix: what stands in the file for that folder.

    Raises:
        DactylError: it cannot be read, or has what this does not know.
    """
    try:
        robot = ElementTree.parse(path).getroot()
        links = {element.attrib["name"]: _link(element, folder, prefix) for element in robot.findall("link")}
        joints = tuple(map(_joint, robot.findall("joint")))
        colours = {
            element.attrib["name"]: tuple(_numbers(colour, "rgba", 4))
            for element in robot.findall("material")
            if (colour := element.find("color")) is not None
        }
        joined = {joint.parent for joint in joints} | {joint.child for joint in joints}
        if unknown := joined - set(links):
            raise ValueError(f"there is no link {min(unknown)}")
        return Model(links, joints, colours)
    except OSError as error:
        raise DactylError(f"cannot read {path}: {error.strerror}") from error
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise DactylError(f"{path} is not the URDF that is expected: {error}") from error


def _numbers(element: Element | None, attribute: str, count: int) -> np.ndarray:
    """An attribute's numbers; zeros where it is absent."""
    text = None if element is None else element.attrib.get(attribute)
    values = np.zeros(count) if text is None else np.array(text.split(), float)
    if values.shape != (count,) or not np.isfinite(values).all():
        raise ValueError(f"{attribute} {text!r} are not {count} numbers")
    return values


def _pose(element: Element | None) -> Pose:
    """An `origin`: roll, pitch and yaw about the fixed axes, in this order."""
    angles = _numbers(element, "rpy", 3)
    turn = NOWHERE.quaternion
    for axis, angle in zip(np.eye(3), angles, strict=True):
        turn = quaternion.multiply(quaternion.from_rotation_vector(angle * axis), turn)
    return Pose(_numbers(element, "xyz", 3), turn)


def _link(element: Element, folder: Path, prefix: str) -> Link:
    inertial = element.find("inertial")
    mass, centre, inertia = 0.0, np.zeros(3), np.zeros((3, 3))
    if inertial is not None:
        place = _pose(inertial.find("origin"))
        if not np.array_equal(place.quaternion, NOWHERE.quaternion):
            raise ValueError(f"the inertia of {element.attrib['name']} is turned")
        mass, centre = float(_numbers(inertial.find("mass"), "value", 1)[0]), place.position
        inertia = _inertia(inertial.find("inertia"))
    visuals = [visual for visual in element.findall("visual") if not _only_marks(visual)]
    shapes = tuple(_shape(visual, folder, prefix) for visual in visuals)
    return Link(element.attrib["name"], mass, centre, inertia, shapes)


def _inertia(element: Element | None) -> np.ndarray:
    xx, xy, xz, yy, yz, zz = (_numbers(element, f"i{name}", 1)[0] for name in ("xx", "xy", "xz", "yy", "yz", "zz"))
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def _only_marks(visual: Element) -> bool:
    """Whether it is a sphere that only shows where a place is: one without radius to speak of."""
    sphere = visual.find("geometry/sphere")
    return sphere is not None and float(_numbers(sphere, "radius", 1)[0]) <= _MARK


def _shape(element: Element, folder: Path, prefix: str) -> Shape:
    material = element.find("material")
    name = "" if material is None else material.attrib["name"]
    mesh, cylinder = element.find("geometry/mesh"), element.find("geometry/cylinder")
    place = _pose(element.find("origin"))
    if mesh is not None:
        file = mesh.attrib["filename"]
        if not file.startswith(prefix):
            raise ValueError(f"the mesh {file} is not in the package")
        return Shape(place, name, folder / file.removeprefix(prefix), (0.0, 0.0))
    if cylinder is None:
        raise ValueError("a shape is neither mesh nor cylinder")
    radius, length = (float(_numbers(cylinder, size, 1)[0]) for size in ("radius", "length"))
    return Shape(place, name, None, (radius, length))


def _joint(element: Element) -> Joint:
    parent, child, kind = element.find("parent"), element.find("child"), element.attrib["type"]
    if parent is None or child is None or kind not in ("fixed", "revolute"):
        raise ValueError(f"the joint {element.attrib['name']} is {kind}, or joins nothing")
    hinge, limit, mimic = kind == "revolute", element.find("limit"), element.find("mimic")
    return Joint(
        element.attrib["name"],
        parent.attrib["link"],
        child.attrib["link"],
        _pose(element.find("origin")),
        _numbers(element.find("axis"), "xyz", 3) if hinge else None,
        (float(_numbers(limit, "lower", 1)[0]), float(_numbers(limit, "upper", 1)[0])),
        float(_numbers(limit, "effort", 1)[0]),
        None if mimic is None else _mimic(mimic),
    )


def _mimic(element: Element) -> Mimic:
    factor = float(_numbers(element, "multiplier", 1)[0]) if "multiplier" in element.attrib else 1.0
    return Mimic(element.attrib["joint"], factor, float(_numbers(element, "offset", 1)[0]))
