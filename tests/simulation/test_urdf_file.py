"""The reader of other packages' URDF, on a small file with all that it knows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.simulation import urdf_file as urdf

PREFIX = "package://some_fingers/"
FILE = """<?xml version="1.0"?>
<robot name="two">
  <material name="grey"><color rgba="0.5 0.5 0.5 1.0"/></material>
  <link name="root"/>
  <link name="arm">
    <visual>
      <origin rpy="0 0 1.5707963267948966" xyz="0.1 0 0"/>
      <geometry><mesh filename="package://some_fingers/meshes/pro/arm.stl"/></geometry>
      <material name="grey"/>
    </visual>
    <visual>
      <geometry><cylinder length="0.12" radius="0.002"/></geometry>
      <material name="grey"/>
    </visual>
    <inertial>
      <origin rpy="0 0 0" xyz="0.01 0.02 0.03"/>
      <mass value="0.25"/>
      <inertia ixx="3e-4" ixy="1e-6" ixz="2e-6" iyy="2e-4" iyz="3e-6" izz="1e-4"/>
    </inertial>
  </link>
  <joint name="hinge" type="revolute">
    <parent link="root"/>
    <child link="arm"/>
    <limit effort="1.5" lower="-0.5" upper="1.5" velocity="1"/>
    <axis xyz="0 1 0"/>
    <origin rpy="0.1 0.2 0.3" xyz="1 2 3"/>
  </joint>
</robot>
"""


def written(tmp_path: Path, text: str = FILE) -> Path:
    path = tmp_path / "robot.urdf"
    path.write_text(text)
    return path


def test_everything_that_counts_is_read(tmp_path: Path) -> None:
    model = urdf.read(written(tmp_path), tmp_path, PREFIX)
    assert (model.root, set(model.links), model.colours) == ("root", {"root", "arm"}, {"grey": (0.5, 0.5, 0.5, 1.0)})
    arm, (hinge,) = model.links["arm"], model.hinges()
    assert (model.links["root"].mass, arm.mass) == (0.0, 0.25)
    np.testing.assert_array_equal(arm.centre, [0.01, 0.02, 0.03])
    np.testing.assert_array_equal(arm.inertia, [[3e-4, 1e-6, 2e-6], [1e-6, 2e-4, 3e-6], [2e-6, 3e-6, 1e-4]])
    assert [shape.mesh for shape in arm.shapes] == [tmp_path / "meshes" / "pro" / "arm.stl", None]
    assert arm.shapes[1].cylinder == (0.002, 0.12)
    assert (hinge.name, hinge.parent, hinge.child, hinge.limits) == ("hinge", "root", "arm", (-0.5, 1.5))
    np.testing.assert_array_equal(hinge.axis, [0.0, 1.0, 0.0])
    assert (hinge.effort, hinge.mimic) == (1.5, None)


def test_a_joint_that_follows_another_says_how(tmp_path: Path) -> None:
    follows = '<mimic joint="other" multiplier="0.975" offset="-0.1"/></joint>'
    (hinge,) = urdf.read(written(tmp_path, FILE.replace("</joint>", follows)), tmp_path, PREFIX).joints
    assert hinge.mimic == urdf.Mimic("other", 0.975, -0.1)


def test_a_small_sphere_only_marks_a_place(tmp_path: Path) -> None:
    marked = FILE.replace('<cylinder length="0.12" radius="0.002"/>', '<sphere radius="0.005"/>')
    assert len(urdf.read(written(tmp_path, marked), tmp_path, PREFIX).links["arm"].shapes) == 1


def test_angles_turn_about_the_fixed_axes_one_after_the_other(tmp_path: Path) -> None:
    """Roll, pitch, yaw, against scipy's."""
    rotation = pytest.importorskip("scipy.spatial.transform").Rotation
    (hinge,) = urdf.read(written(tmp_path), tmp_path, PREFIX).joints
    x, y, z, w = rotation.from_euler("xyz", [0.1, 0.2, 0.3]).as_quat()
    np.testing.assert_allclose(hinge.origin.quaternion, [w, x, y, z], atol=1e-12)
    np.testing.assert_array_equal(hinge.origin.position, [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("</robot>", "", "no element found"),
        ('xyz="1 2 3"', 'xyz="1 2"', "xyz '1 2' are not 3 numbers"),
        ('value="0.25"', 'value="nan"', "value 'nan' are not 1 numbers"),
        ('value="0.25"', 'value="heavy"', "could not convert"),
        ('type="revolute"', 'type="floating"', "the joint hinge is floating"),
        ('<child link="arm"/>', "", "joins nothing"),
        ('<child link="arm"/>', '<child link="leg"/>', "there is no link leg"),
        ("package://some_fingers", "package://others", "is not in the package"),
        ('<cylinder length="0.12" radius="0.002"/>', '<sphere radius="1"/>', "neither mesh nor cylinder"),
        ('rpy="0 0 0" xyz="0.01 0.02 0.03"', 'rpy="0 0 1" xyz="0 0 0"', "the inertia of arm is turned"),
    ],
)
def test_a_file_that_is_something_else_is_refused_in_one_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in FILE
    with pytest.raises(DactylError, match=f"robot.urdf is not the URDF that is expected: .*{says}"):
        urdf.read(written(tmp_path, FILE.replace(old, new, 1)), tmp_path, PREFIX)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DactylError, match=r"cannot read .*robot.urdf: No such file"):
        urdf.read(tmp_path / "robot.urdf", tmp_path, PREFIX)
