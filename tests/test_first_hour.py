"""docs/first_hour.md works as it stands: its commands are read out of the page and run in its order."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
UNTIL_CTRL_C = re.compile(r"^(\S.*?) +# ctrl-C ends it$", re.MULTILINE)


def commands(page: Path) -> str:
    """The page's commands as one script; what a person would end by ctrl-C is ended so after 20 s."""
    blocks = re.findall(r"^```bash\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return "set -eux\n" + UNTIL_CTRL_C.sub(r"timeout --signal=INT 20 \1 || [ $? = 124 ]", "".join(blocks))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_command_of_the_first_hour_works(tmp_path: Path, ros_domain: int) -> None:
    """Protects newcomers; and that the two minutes of training reach a goal now and then."""
    (tmp_path / "dactyl").symlink_to(ROOT / "dactyl")
    script = commands(ROOT / "docs" / "first_hour.md")
    assert script.count("./dactyl") > 8
    run = subprocess.run(["bash", "-c", script], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    print(run.stdout + run.stderr)
    assert run.returncode == 0, run.stderr[-3000:]
    for made in ("first.gif", "first.png", "first.html", "first_bag/metadata.yaml"):
        assert (tmp_path / made).stat().st_size > 0
    assert re.search(r"runs/first-hour.*: 0\.[1-9]", run.stdout), "no goal was reached after training"
