"""The robot of a URDF, read back from its file, drawn beside the scene that it was made of."""

from __future__ import annotations

import tempfile
from pathlib import Path

import mujoco
import numpy as np
from PIL import Image

from dactyl.errors import DactylError
from dactyl.simulation.rendering import SceneRenderer
from dactyl.simulation.scene import Scene
from dactyl.simulation.urdf import Description, Pose

WIDTH, HEIGHT = 640, 480


def write(path: Path, scene: Scene) -> None:
    """Write `side_by_side` as a picture file.

    Raises:
        DactylError: it cannot be written, or nothing can be rendered.
    """
    try:
        Image.fromarray(side_by_side(scene)).save(path)
    except (OSError, ValueError) as error:
        raise DactylError(f"cannot write the picture {path}: {error}") from error


def side_by_side(scene: Scene, bent: float = 0.4, camera: int = 1) -> np.ndarray:
    """(HEIGHT, 2 WIDTH, 3) RGB: the scene at the left, the URDF at the right, in one posture and from one place.

    Args:
        scene: what the URDF is made of.
        bent: share of each joint's range that it is bent by; coupled joints keep together.
        camera: number of the scene's camera.
    """
    description = Description(scene)
    angles = {}
    for joint, (low, high) in zip(scene.robot.joints, scene.robot.joint_limits, strict=True):
        angles[scene.robot.ros_name(joint)] = float(np.clip(bent * high, low, high))
    for name, (other, factor) in description.mimics.items():
        angles[name] = factor * angles[other]
    return np.hstack([_of_scene(scene, angles, camera), _of_urdf(scene, description, angles, camera)])


def _of_scene(scene: Scene, angles: dict[str, float], camera: int) -> np.ndarray:
    data = mujoco.MjData(scene.model)
    for name, angle in angles.items():
        data.joint(name).qpos = angle
    data.qpos[scene.object_position] = [0.0, 0.0, -10.0]  # nothing but the robot
    with SceneRenderer(scene, WIDTH, HEIGHT) as renderer:
        return renderer.render(data.qpos, scene.model.camera(camera).name).copy()


def _of_urdf(scene: Scene, description: Description, angles: dict[str, float], camera: int) -> np.ndarray:
    with tempfile.TemporaryDirectory(prefix="dactyl-urdf-") as name:
        folder = Path(name)
        description.write_meshes(folder)
        keep = '<mujoco><compiler discardvisual="false"/></mujoco></robot>'  # what MuJoCo drops of a URDF otherwise
        (folder / "robot.urdf").write_text(description.xml(".").replace("</robot>", keep))
        spec = mujoco.MjSpec.from_file(str(folder / "robot.urdf"))
        place = Pose(scene.hand_position, scene.hand_quaternion).inverse()
        place = place.then(Pose(scene.model.cam_pos[camera], scene.model.cam_quat[camera]))
        spec.worldbody.add_camera(
            name="seen", pos=place.position, quat=place.quaternion, fovy=float(scene.model.cam_fovy[camera])
        )
        spec.visual.headlight.ambient[:], spec.visual.headlight.diffuse[:] = 0.35, 0.5
        spec.add_texture(
            name="sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, builtin=mujoco.mjtBuiltin.mjBUILTIN_FLAT,
            rgb1=[1.0] * 3, rgb2=[1.0] * 3, width=8, height=48,
        )  # fmt: skip
        model = spec.compile()
    data = mujoco.MjData(model)
    for joint, angle in angles.items():
        data.joint(joint).qpos = angle
    mujoco.mj_forward(model, data)
    with mujoco.Renderer(model, HEIGHT, WIDTH) as renderer:
        renderer.update_scene(data, "seen")
        return np.asarray(renderer.render()).copy()
