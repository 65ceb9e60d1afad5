"""What RViz is given."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import trimesh
from visualization_msgs.msg import Marker

from dactyl.maths import quaternion
from dactyl.monitoring.shapes import Shapes, object_triangles
from dactyl.simulation.scene import SceneConfig, build


def rigid(marker: Marker) -> tuple[np.ndarray, np.ndarray]:
    p, q = marker.pose.position, marker.pose.orientation
    return np.array([p.x, p.y, p.z]), np.array([q.w, q.x, q.y, q.z])


def test_links_are_drawn_from_their_files_where_the_simulation_has_them() -> None:
    """Protects the picture: RViz reads meshes as they are in the file, the simulator moved them to their centres."""
    scene = build()
    shapes = Shapes(scene)
    angles = np.linspace(0.0, 0.4, 24)
    shapes.move_hand(angles)
    links = [marker for marker in shapes.array(0).markers if marker.ns == "hand"]
    assert len(links) == 23
    data = mujoco.MjData(scene.model)
    data.qpos[:24] = angles
    mujoco.mj_kinematics(scene.model, data)
    for marker in links:
        mesh = int(scene.model.geom_dataid[marker.id])
        first, count = scene.model.mesh_vertadr[mesh], scene.model.mesh_vertnum[mesh]
        simulated = scene.model.mesh_vert[first : first + count] @ data.geom_xmat[marker.id].reshape(3, 3).T
        simulated = simulated + data.geom_xpos[marker.id]
        shape = trimesh.load(marker.mesh_resource.removeprefix("file://"))
        position, orientation = rigid(marker)
        scale = np.array([marker.scale.x, marker.scale.y, marker.scale.z])
        drawn = quaternion.rotate(orientation, np.asarray(shape.vertices) * scale) + position
        drawn = quaternion.rotate(scene.hand_quaternion, drawn) + scene.hand_position
        np.testing.assert_allclose(drawn.min(0), simulated.min(0), atol=1e-5, err_msg=marker.mesh_resource)
        np.testing.assert_allclose(drawn.max(0), simulated.max(0), atol=1e-5, err_msg=marker.mesh_resource)


@pytest.mark.parametrize("kind", ["block", "octagonal_prism", "sphere"])
def test_an_object_is_a_closed_surface_seen_from_outside(kind: str) -> None:
    """Protects against objects that RViz shows inside out, or of another size."""
    triangles = object_triangles(build(SceneConfig(object=kind)))
    faces = np.arange(3 * len(triangles)).reshape(-1, 3)
    shape = trimesh.Trimesh(triangles.reshape(-1, 3), faces, process=False)
    assert shape.volume > 0
    np.testing.assert_allclose(shape.bounds[1, 2], 0.025, atol=1e-6)
    shape.merge_vertices()
    assert shape.is_watertight
    size = 0.05**3 * {"block": 1.0, "octagonal_prism": 8 * (2**0.5 - 1) / 4, "sphere": np.pi / 6}[kind]
    assert shape.volume == pytest.approx(size, rel=0.03)


def test_only_what_is_known_is_drawn() -> None:
    """Protects honesty: no object before a pose, no fingertip that was never seen, lost ones in red."""
    shapes = Shapes(build())
    assert {marker.ns for marker in shapes.array(0).markers} == {"hand"}
    shapes.move_object(np.array([0.0, -0.05, 0.33]), np.array([1.0, 0.0, 0.0, 0.0]))
    positions = np.zeros((5, 3))
    positions[4] = np.nan
    shapes.show_fingertips(positions, np.array([True, False, True, True, False]))
    shapes.say("trial 1")
    markers = {marker.ns: marker for marker in shapes.array(5_000_000_001).markers}
    assert set(markers) == {"hand", "object", "fingertips", "trial"}
    tips = markers["fingertips"]
    assert len(tips.points) == len(tips.colors) == 4
    assert tips.colors[1].r > tips.colors[1].g
    assert tips.colors[0].g > tips.colors[0].r
    assert (tips.header.stamp.sec, tips.header.stamp.nanosec, tips.header.frame_id) == (5, 1, "hand")
    assert len(shapes.array(0).markers) == 23 + 3, "an update replaces what was drawn"
