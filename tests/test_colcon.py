"""colcon's own way to run the tests."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "dactyl"


def test_the_package_has_its_tests_where_colcon_looks() -> None:
    """Protects `colcon test` from running none: it starts pytest in the package's folder."""
    assert (PACKAGE / "test").resolve() == ROOT / "tests"
    assert '"test": ["pytest"]' in (PACKAGE / "setup.py").read_text()


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / "build" / "dactyl").is_dir(), reason="this checkout is not built by ./dactyl")
def test_colcon_test_runs_tests(tmp_path: Path) -> None:
    """Protects whoever tests a workspace by its one command; here a few of the tests."""
    if not shutil.which("colcon"):
        pytest.skip("there is no colcon: run with ./dactyl test")
    command = ["colcon", "--log-base", tmp_path / "log", "test", "--base-paths", "src", "--packages-select", "dactyl"]
    few = ["--pytest-args", "test/bringup/test_graph.py"]
    subprocess.run(
        [*command, "--test-result-base", tmp_path, *few], cwd=ROOT, check=True, timeout=120, capture_output=True
    )
    suite = ElementTree.parse(tmp_path / "dactyl" / "pytest.xml").getroot().find("testsuite")
    assert suite is not None
    assert int(suite.get("tests", 0)) > 0
    assert (suite.get("errors"), suite.get("failures")) == ("0", "0")
