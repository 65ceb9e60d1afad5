"""farm …: robots that are served to others, and what those others do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import tyro

from dactyl.commands.app import Commands
from dactyl.commands.arguments import FLAT, Json
from dactyl.farm.options import ClientOptions, JobOptions, ServeOptions
from dactyl.ranges import Number

app = Commands()
JobNumber = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="JOB", help="its number")]
Options = Annotated[ClientOptions, FLAT]


@app.command
def serve(options: Annotated[ServeOptions, FLAT]) -> int:
    """Serve a farm of simulated robots that differ in what nobody is told, until ctrl-C.

    Jobs wait in a queue that outlives the farm. The first start draws the robots and makes a token, which is printed
    once and kept in the farm's folder.

    For example:
      ./dactyl farm serve
      ./dactyl farm serve --robots 2 --folder my_farm --port 9000
    """
    from dactyl.farm.serve import serve

    return serve(options)


@app.command
def submit(
    policy: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="POLICY", help="file, or a folder with one")],
    /,
    asked: Annotated[JobOptions, FLAT],
    farm: Options,
    position: tuple[Number, Number, Number] | None = None,
    quaternion: tuple[Number, Number, Number, Number] | None = None,
    json: Json = None,
) -> None:
    """Send a policy to the farm. Which robot runs it is the farm's to say.

    For example:
      ./dactyl farm submit models/block --trials 5
      ./dactyl farm submit runs/cpu-small --seed 7 --json job.json

    Args:
        position: of the object, m, in each trial's only goal; by default goals are drawn
        quaternion: of the object in that goal, w x y z
    """
    from dactyl import results
    from dactyl.farm.client import Client
    from dactyl.farm.submission import job_for
    from dactyl.storage.models import policy_for

    if json:
        results.check_writable(json)
    file = policy_for("block", policy)  # whatever the object: a path is given
    job = job_for(file, asked, position, quaternion)
    number = Client.of(farm).submit(file, job)
    if json:
        results.write(json, "farm submit", job.seed, {"id": number})
    print(f"job {number}: ./dactyl farm fetch {number}")


@app.command
def status(job: JobNumber = "", /, *, farm: Options, json: Json = None) -> None:
    """Say how a job is, or all of them.

    For example:
      ./dactyl farm status
      ./dactyl farm status 3 --json status.json
    """
    from dactyl import results
    from dactyl.farm.client import Client, as_text

    if json:
        results.check_writable(json)
    client = Client.of(farm)
    found = [client.status(_number(job))] if job else client.jobs()
    if json:
        results.write(json, "farm status", None, {"jobs": found})
    for each in found:
        print(as_text(each))
    if not found:
        print("there are no jobs")


@app.command
def fetch(job: JobNumber, /, farm: Options, out: Path | None = None, json: Json = None) -> int:
    """Wait until a job has ended, and fetch its results into a new folder; a failed job ends with 1.

    For example:
      ./dactyl farm fetch 3
      ./dactyl farm fetch 3 --out results/third --json report.json

    Args:
        out: folder to make; job-JOB by default
    """
    from dactyl import results
    from dactyl.farm.client import Client, check_new
    from dactyl.status_line import StatusLine

    if json:
        results.check_writable(json)
    number = _number(job)
    folder = out or Path(f"job-{number}")
    check_new(folder)
    client = Client.of(farm)
    with StatusLine(f"job {number}") as line:
        client.wait(number, line.show)
        line.show(f"job {number}: fetching")
        report = client.fetch(number, folder)
    if json:
        results.write(json, "farm fetch", None, report)
    print(_told(report, folder))
    return 0 if report.get("state") == "done" else 1


def _number(text: str) -> int:
    from dactyl.errors import WrongArgumentError

    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise WrongArgumentError(f"JOB must be a job's number, not {text!r}")
    return int(text)


def _told(report: dict[str, Any], folder: Path) -> str:
    """A job's outcome, for people."""
    from dactyl.farm import files

    text = f"{folder}: job {report.get('job')} {report.get('state')}"
    if report.get("why"):
        return f"{text}: {report['why']}"
    score = files.read_json(folder / files.SCORE)
    goals = f"{score['goals_reached']} goals, {score['mean']:.2f} in a row on average"
    return f"{text}: {len(score['trials'])} trials, {goals}"
