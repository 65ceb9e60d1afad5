"""The measurement of the control loop."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dactyl import topics
from dactyl.nodes.loop_benchmark import LoopBenchmark, siblings
from dactyl.ros import messages
from dactyl_msgs.msg import FingertipPositions, HandAction


def test_what_was_sent_is_looked_at(make_node: Callable[..., LoopBenchmark]) -> None:
    """Protects the figures on either executor: a stage's time is when it was sent, by the stamp it is found by."""
    node = make_node(LoopBenchmark)
    tips, actions = FingertipPositions(), HandAction(sequence=7)
    messages.set_stamp(tips.header.stamp, 80_000_000)
    actions.fingertips_stamp = tips.header.stamp
    sending = [
        (node.create_publisher(FingertipPositions, topics.FINGERTIPS, messages.SENSOR), tips),
        (node.create_publisher(HandAction, topics.ACTION, messages.RELIABLE), actions),
    ]
    deadline, begun = time.monotonic() + 10.0, time.time_ns()
    while not (node.fingertip_sent and node.action_sent):
        assert time.monotonic() < deadline
        for publisher, message in sending:
            publisher.publish(message)
        time.sleep(0.02)
        node.on_timer()
    assert (node.action_sent[0].sequence, node.action_sent[0].used_ns) == (7, 80_000_000)
    assert begun <= node.fingertip_sent[80_000_000] <= time.time_ns()
    assert begun <= node.action_sent[0].sent_ns <= time.time_ns()


def test_siblings_are_found_by_their_node_name() -> None:
    """Protects the memory figures: each process of this graph, and no other graph's."""
    code = "import time; time.sleep(30)"
    found = subprocess.Popen([sys.executable, "-c", code, "-r", "__node:=found", "--", "-r", "__node:=too"])
    script = "from dactyl.nodes.loop_benchmark import siblings; print(list(siblings()))"
    try:
        run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert run.stdout.strip() == "['found+too']", "nodes that share a process have its figures together"
        assert "found+too" not in siblings()
    finally:
        found.kill()
        found.wait()


@pytest.mark.slow
def test_bench_loop_reports_every_figure(ros_domain: int, tmp_path: Path) -> None:
    """Protects `./dactyl bench loop --json`: the keys that other programs read."""
    report = tmp_path / "loop.json"
    command = [
        sys.executable,
        "-m",
        "dactyl.cli",
        "bench",
        "loop",
        "--seconds",
        "3",
        "--cameras",
        "--json",
        str(report),
    ]
    subprocess.run(command, check=True, timeout=120)
    outcome = json.loads(report.read_text())["results"]
    for name in ("period_ms", "latency_ms", "targets_period_ms"):
        assert set(outcome[name]) == {"p50", "p99", "max"}
        assert 0 < outcome[name]["p50"] <= outcome[name]["p99"] <= outcome[name]["max"]
    assert outcome["period_ms"]["p50"] == pytest.approx(80.0, abs=4.0)
    assert 0.5 < outcome["real_time_factor"] < 1.1
    assert {"sim", "policy", "trial", "hand_driver", "action_filter", "fingertip_tracker"} <= set(outcome["rss_mb"])
    assert set(outcome["images_per_s"]) == {"camera_0", "camera_1", "camera_2"}
