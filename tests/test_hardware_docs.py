"""docs/hardware.md says what the code does: its table of joints, and tests that there are behind each fault."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from dactyl.robots.shadow.joints import ACTUATOR_LIMITS, ACTUATORS, joints_of, ros_joint_name
from dactyl.robots.shadow.topics import position

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "hardware.md").read_text()


def section(title: str) -> list[list[str]]:
    """Cells of the rows of a section's last table."""
    text = PAGE.partition(f" {title}\n")[2].partition("\n#")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:2] == "| "]
    return rows[1:]


def test_the_joint_table_is_the_codes() -> None:
    """Protects whoever wires another controller to this table: names, order, coupling, ranges."""
    rows = section("Joint names")
    assert len(rows) == len(ACTUATORS)
    for i, (row, actuator) in enumerate(zip(rows, ACTUATORS, strict=True)):
        low, high = np.degrees(ACTUATOR_LIMITS[i]).round().astype(int)
        joints = " + ".join(f"`{ros_joint_name(joint)}`" for joint in joints_of(actuator))
        assert row == [str(i), actuator, joints, f"`{position(ros_joint_name(actuator))}`", f"{low} … {high}"]


def test_every_fault_is_backed_by_tests() -> None:
    """Protects the table of faults from promising what nothing holds it to."""
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    rows = section("Faults and what happens")
    assert len(rows) > 10
    for fault, *_, named in rows:
        names = re.findall(r"`([^`]+)`", named)
        assert names, fault
        for name in names:
            assert (ROOT / name).is_file() if name.startswith("tests/") else f"def {name}(" in tests, name
