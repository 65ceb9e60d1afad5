"""dataset …: bags made into vision test sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from dactyl.commands.app import Commands
from dactyl.commands.arguments import BagPath, Json
from dactyl.environment.choices import ObjectName
from dactyl.ranges import Angle, Cells, CountOrAll, NotNegative

Folder = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET", help="folder of a test set")]

app = Commands()


@app.command(name="from-bag")
def from_bag(
    bag: BagPath,
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")],
    /,
    object: ObjectName = "block",
    cameras_within: NotNegative = 0.02,
    poses_within: NotNegative = 0.04,
    every: NotNegative = 0.4,
    limit: CountOrAll = 0,
    fingers_raised: Angle = 0.1,
    json: Json = None,
) -> None:
    """Make a vision test set of a bag: image triples with motion capture's pose at their moment.

    Left out and counted: pictures without partners, lost markers, a dropped object, what repeats the last sample.

    For example:
      ./dactyl dataset from-bag bags/my_bag datasets/lab
      ./dactyl dataset from-bag bags/my_bag datasets/lab --every 1 --limit 992

    Args:
        out: folder to make
        object: that was in the hand
        cameras_within: s that the stamps of a triple's pictures may differ
        poses_within: s between the two poses that a sample's is interpolated from, at most
        every: s from one sample to the next, at least
        limit: samples at most, 0 for all
        fingers_raised: tilt of the palm, rad, which decides what has been dropped
    """
    from dactyl import results
    from dactyl.recording.test_sets import from_bag as making
    from dactyl.status_line import StatusLine

    if json:
        results.check_writable(json)
    matching = making.Matching(cameras_within, poses_within, every, limit)
    with StatusLine(f"reading {bag}"):
        found = making.make(bag, out, object, matching, fingers_raised)
    if json:
        results.write(
            json, "dataset from-bag", None,
            {"samples": found.samples, "left_out": dict(found.left_out), "problems": found.problems},
        )  # fmt: skip
    print(f"{out}: {found.as_text()}")


@app.command
def check(dataset: Folder, /) -> None:
    """Check that a test set is whole and unchanged.

    For example:
      ./dactyl dataset check datasets/lab
    """
    from dactyl.recording.test_sets.dataset import Dataset

    data = Dataset(dataset, verify=True)
    print(f"{dataset}: {len(data)} samples of the {data.object}, whole and unchanged")


@app.command
def show(dataset: Folder, /, out: Path = Path("dataset.png"), rows: Cells = 6, columns: Cells = 2) -> None:
    """Draw a contact sheet of a test set, with the true poses drawn into the pictures.

    For example:
      ./dactyl dataset show datasets/lab --out lab.png

    Args:
        out: picture to write
        rows: of samples
        columns: of samples
    """
    from dactyl.recording.test_sets import sheet
    from dactyl.recording.test_sets.dataset import Dataset
    from dactyl.storage import pictures

    pictures.check(out)
    print(f"{out}: {sheet.write(Dataset(dataset), out, rows, columns)} samples")
