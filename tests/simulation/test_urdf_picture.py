"""The URDF looks as the scene does."""

from __future__ import annotations

from dactyl.simulation.scene import build
from dactyl.simulation.urdf_picture import WIDTH, side_by_side


def test_what_mujoco_reads_from_the_urdf_has_the_scenes_outline() -> None:
    """Protects the picture in docs/monitoring.md, and every mesh, its scale and its place."""
    picture = side_by_side(build())
    scene, urdf = ((half < 250).any(-1) for half in (picture[:, :WIDTH], picture[:, WIDTH:]))
    assert scene.sum() > 10_000
    assert (scene & urdf).sum() / (scene | urdf).sum() > 0.97
