"""env …: a look at the simulated environments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from dactyl import registry
from dactyl.commands.app import Commands
from dactyl.environment.choices import ObjectName, RobotName, TaskName
from dactyl.errors import DactylError
from dactyl.ranges import FilmSeconds, Port, Seed

app = Commands()


@app.command
def show(
    out: Path = Path("worlds"),
    task: TaskName = registry.DEFAULTS["tasks"],
    object: ObjectName = "block",
    randomizations: str = "all",
    seconds: FilmSeconds = 10.0,
    seed: Seed = 0,
) -> None:
    """Draw what is varied between simulated worlds: a sheet of sixteen, and a video of six under random actions.

    For example:
      ./dactyl env show
      ./dactyl env show --out /tmp/worlds --randomizations=-physics --seconds 30

    Args:
        out: folder for worlds.png and worlds.mp4
        task: one that has something to show
        object: in the hand
        randomizations: all, none, or -GROUP[,-GROUP]: all but these of observation_noise, physics, unmodeled_effects
        seconds: length of the video
        seed: of what is sampled
    """
    from dactyl.environment import task as tasks
    from dactyl.status_line import StatusLine

    draw = tasks.load(task).showcase
    if not draw:
        raise DactylError(f"the task {task} has nothing to show")
    with StatusLine("drawing"):
        paths = registry.resolve(draw)(out, object, randomizations, seconds, seed)
    print(*paths, sep="\n")


@app.command
def urdf(
    out: Path = Path("robot.urdf"),
    meshes: Path | None = None,
    picture: Path | None = None,
    robot: RobotName = registry.DEFAULTS["robots"],
) -> None:
    """Write a robot as URDF, for RViz and other programs; its meshes go into the ROS package, or into a folder.

    On a machine that shows another one's robot, run it once: RViz looks for the meshes in its own package.

    For example:
      ./dactyl env urdf --out shadow.urdf
      ./dactyl env urdf --out /tmp/shadow.urdf --meshes /tmp/meshes

    Args:
        out: file to write
        meshes: folder for the meshes, which the file then names by its path
        picture: also draw the robot as MuJoCo reads it from the URDF, beside the scene that it was made of
        robot: that is written
    """
    from dactyl import results
    from dactyl.hardware.camera_info import folder
    from dactyl.ros.packages import package_share
    from dactyl.simulation.scene import SceneConfig, build
    from dactyl.simulation.urdf import Description, mesh_url
    from dactyl.storage.files import write_atomically

    for path in filter(None, (out, picture)):
        results.check_writable(path)
    description = Description(scene := build(SceneConfig(robot=robot)))
    url = str(meshes.absolute()) if meshes else mesh_url(robot)
    try:
        description.write_meshes(folder(url, package_share))
        write_atomically(out, description.xml(url))
    except OSError as error:
        raise DactylError(f"cannot write the robot: {error}") from error
    if picture:
        from dactyl.simulation.urdf_picture import write

        write(picture, scene)
    print(*filter(None, (out, url, picture)), sep="\n")


@app.command
def states(
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")],
    /,
    by: Literal["script", "sliders"] = "script",
    robot: RobotName = registry.DEFAULTS["robots"],
    object: ObjectName = "block",
    task: TaskName = registry.DEFAULTS["tasks"],
    seconds: FilmSeconds = 30.0,
    port: Port = 8091,
    seed: Seed = 0,
) -> None:
    """Write states for a training's episodes to begin in: a script's, or those of a person who plays with sliders.

    Nobody need accomplish the task: to play with it in mind is enough. A preset names the file as its
    environment.start_states.

    For example:
      ./dactyl env states grasps.npz --robot gr1_right --object cylinder
      ./dactyl env states played.npz --by sliders --robot gr1 --object carton --task box_lift

    Args:
        out: file to write, .npz
        by: the robot's own script, or sliders on a page in the browser, one for each actuator
        robot: that plays
        object: that is played with
        task: says where the object lies at first
        seconds: of play that are recorded
        port: of the page
        seed: of the script, and of where the object lies
    """
    from dactyl import results
    from dactyl.environment import start_states
    from dactyl.environment import task as tasks
    from dactyl.simulation.scene import SceneConfig, build

    results.check_writable(out)
    scene = build(SceneConfig(robot=robot, object=object))
    if by == "sliders":
        from dactyl.monitoring.dashboard import sliders

        played = sliders.record(scene, tasks.load(task), seconds, port, seed)
    elif scene.robot.scripted_starts:
        played = start_states.States(*registry.resolve(scene.robot.scripted_starts)(scene, seed))
    else:
        raise DactylError(f"the robot {robot} has no script: play by sliders")
    start_states.write(out, scene, played)
    print(f"{out}: {len(played.qpos)} states")
