"""What Shadow's hand adds to the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from dactyl import cli
from dactyl.robots.shadow.calibration import synthetic
from dactyl.robots.shadow.calibration.hall import load, save
from dactyl.robots.shadow.calibration.joints import angles_of
from dactyl.robots.shadow.calibration.synthetic import Noise
from dactyl.robots.shadow.joints import JOINTS
from dactyl.robots.shadow.layout import BASE_MARKERS
from dactyl.simulation.scene import Scene, build
from tests import bags
from tests.robots.shadow.calibration.test_hall import by_joint, shipped

CONFIG = Path(__file__).resolve().parents[3] / "config" / "real.yaml"


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build()


def test_a_synthetic_calibration_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the command from end to end: calibration, plot and JSON."""
    out, plot, report = tmp_path / "a.yaml", tmp_path / "a.png", tmp_path / "a.json"
    arguments = ["calibrate", "joints", "--synthetic", "--moments", "150", "--out", str(out), "--plot", str(plot)]
    assert cli.main([*arguments, "--json", str(report)]) == 0
    assert "against the truth: joints" in capsys.readouterr().out
    found = json.loads(report.read_text())
    assert found["command"] == "calibrate joints"
    assert found["results"]["truth"]["after"]["fingertip_mm"] < found["results"]["truth"]["before"]["fingertip_mm"]
    assert load(out)
    assert plot.exists()


def test_a_bag_is_calibrated_from(tmp_path: Path, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the whole way of a lab: Shadow's file and a bag in, Shadow's file out, nearer to the truth."""
    hand = synthetic.record(scene, seed=3, frames=150, noise=Noise(reading=1e-4, offset=0.0))
    store = bags.typestore()
    state = store.types["sensor_msgs/msg/JointState"]
    names, empty = [f"rh_{joint}" for joint in JOINTS], np.zeros(0)
    messages = []
    for i, (raw, tips) in enumerate(zip(*hand.recording, strict=True)):
        now = 10**9 + i * 250_000_000  # so far apart that the tracker believes each posture
        for time in (now - 5_000_000, now + 5_000_000):
            header = bags.header(store, time)
            messages.append(("/joint_sensors", time, state(header, names, raw, empty, empty)))
        points = [(*point, 1.0) for point in [*tips.tolist(), *BASE_MARKERS.tolist()]]
        markers = [(marker, *point) for marker, point in zip([*range(5), *range(10, 14)], points, strict=True)]
        messages.append(("/dactyl/mocap/markers", now, bags.markers(store, now, markers)))
    messages.sort(key=lambda message: message[1])
    kinds = {"/joint_sensors": "sensor_msgs/msg/JointState", "/dactyl/mocap/markers": "dactyl_msgs/msg/MocapMarkers"}
    bag = bags.write(tmp_path / "bag", kinds, messages, store)
    factory, out = tmp_path / "factory.yaml", tmp_path / "out.yaml"
    save(factory, hand.factory, "factory")
    arguments = [str(bag), "--factory", str(factory), "--out", str(out), "--config", str(CONFIG)]
    assert cli.main(["calibrate", "joints", *arguments]) == 0
    assert "130 moments fitted, 20 held out" in capsys.readouterr().out
    before, after = (
        np.std(angles_of(curves, hand.recording.raw) - hand.angles) for curves in (load(factory), load(out))
    )
    assert after < 0.6 * before


def test_a_hand_as_it_is_shipped_is_calibrated(tmp_path: Path) -> None:
    """Protects the command with the files that labs have: its coupled table, prefix and extra keys come out again."""
    factory, out = tmp_path / "factory.yaml", tmp_path / "out.yaml"
    content = shipped("rh_")
    factory.write_text(yaml.safe_dump({**content, "sr_note": "ours"}))
    arguments = ["--synthetic", "--moments", "150", "--factory", str(factory), "--out", str(out)]
    assert cli.main(["calibrate", "joints", *arguments]) == 0
    written = yaml.safe_load(out.read_text())
    assert by_joint(written).keys() == by_joint(content).keys()
    assert written["sr_note"] == "ours"
    rows = written["sr_calibrations_coupled"][0][1]
    assert [raw for raw, _, _ in rows] == [raw for raw, _, _ in content["sr_calibrations_coupled"][0][1]]
    assert rows != content["sr_calibrations_coupled"][0][1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name either a BAG and its --factory calibration, or --synthetic"),
        (["bag"], "name either"),
        (["--synthetic", "--out", "none/a.yaml"], "there is no folder"),
        (["bag", "--factory", "none.yaml"], "cannot read the calibration none.yaml"),
    ],
)
def test_mistakes_get_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects a user from a stack trace."""
    assert cli.main(["calibrate", "joints", *arguments]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
