"""env …: a look at the simulated environments."""

from __future__ import annotations

from pathlib import Path

from dactyl import registry
from dactyl.commands.app import Commands
from dactyl.environment.choices import ObjectName, TaskName
from dactyl.errors import DactylError
from dactyl.ranges import FilmSeconds, Seed

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
