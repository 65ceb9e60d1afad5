"""The recorder node, recording publishers of this process over DDS."""

from __future__ import annotations

import array
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcap.reader import make_reader
from rosbags.highlevel import AnyReader
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String

from dactyl.bringup.options import RecordOptions
from dactyl.bringup.recording import record_graph
from dactyl.errors import WRONG_PARAMETER
from dactyl.recording import repair
from dactyl.recording.reading import Bag, nanoseconds
from dactyl.ros import messages

PERIOD = 0.4  # a busy machine keeps up with that; docs/results.md has the loss at full rate


class Publishers:
    """Three cameras at 2.5 Hz, joints at 25 Hz, a latched word: published while the test waits."""

    def __init__(self, graph: Any) -> None:
        node = graph.node
        self.graph = graph
        self.images = [node.create_publisher(Image, f"/dactyl/camera_{i}/image_raw", messages.SENSOR) for i in range(3)]
        self.joints = node.create_publisher(JointState, "/joint_states", messages.SENSOR)
        self.word = node.create_publisher(String, "/dactyl/word", messages.LATCHED)
        self.word.publish(String(data="latched"))
        noise = os.urandom(640 * 480 * 3)
        self.image = Image(width=640, height=480, encoding="rgb8", step=1920, data=array.array("B", noise))
        self.sent = 0

    def publish_for(self, seconds: float, done: Callable[[], bool] = lambda: False) -> None:
        start = time.monotonic()
        ticks = 0
        while time.monotonic() - start < seconds and not done():
            self.graph.until(lambda: True)
            self.joints.publish(JointState(position=[float(self.sent)]))
            self.sent += 1
            if ticks % 10 == 0:
                for publisher in self.images:
                    self.image.header.stamp.nanosec = ticks
                    publisher.publish(self.image)
            ticks += 1
            time.sleep(max(0.0, start + ticks * PERIOD / 10 - time.monotonic()))


@pytest.fixture
def bag_path(tmp_path: Path) -> Path:
    return tmp_path / "bag"


def test_three_cameras_are_recorded_without_loss(run_graph: Any, bag_path: Path, tmp_path: Path) -> None:
    """Protects every use of a bag: nothing lost; types, hashes, QoS and content as they were; for other readers too."""
    options = RecordOptions(bag=str(bag_path), seconds=4.0, json=str(tmp_path / "record.json"))
    with run_graph(record_graph(options)) as graph:
        publishers = Publishers(graph)
        publishers.publish_for(60.0, lambda: graph.code is not None)
        assert graph.join() == 0, graph.text
        hashes = {
            name: str(graph.node.get_publishers_info_by_topic(name)[0].topic_type_hash)
            for name in ("/joint_states", "/dactyl/camera_0/image_raw", "/dactyl/word")
        }
    outcome = json.loads((tmp_path / "record.json").read_text())["results"]
    assert outcome["lost"] == 0, graph.text
    contents = repair.examine(bag_path)
    assert contents.problems == []
    assert contents.counts == outcome["topics"]
    assert {f"/dactyl/camera_{i}/image_raw" for i in range(3)} <= contents.counts.keys()
    assert contents.counts["/dactyl/camera_0/image_raw"] > 4

    bag = Bag(bag_path)
    joints = list(bag.decoded({"/joint_states"}))
    sequences = [message.sequence for message, _ in joints]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
    assert [fields.position.tolist() for _, fields in joints] == [[sequence - 1] for sequence in sequences]
    assert [item.data for _, item in bag.decoded({"/dactyl/word"})] == ["latched"]
    assert {name: bag.topics[name].type_hash for name in hashes} == hashes
    assert "transient_local" in bag.topics["/dactyl/word"].qos
    assert "best_effort" in bag.topics["/joint_states"].qos

    with AnyReader([bag_path]) as reader:  # decodes with the definitions in the bag
        images = [c for c in reader.connections if c.topic == "/dactyl/camera_0/image_raw"]
        stamps = []
        for connection, _, data in reader.messages(connections=images):
            image = reader.deserialize(data, connection.msgtype)
            assert (image.width, image.height, len(image.data)) == (640, 480, 921600)
            stamps.append(nanoseconds(image.header.stamp))
    assert stamps == list(range(stamps[0], stamps[0] + 10 * len(stamps), 10))
    with next(bag_path.glob("*.mcap")).open("rb") as stream:
        assert make_reader(stream).get_summary().statistics.message_count == outcome["messages"]


def test_a_killed_recorder_loses_two_seconds_at_most(run_graph: Any, bag_path: Path) -> None:
    """Protects a long recording from kill -9 of the recorder itself."""
    with run_graph(record_graph(RecordOptions(bag=str(bag_path), images=False))) as graph:
        publishers = Publishers(graph)
        publishers.publish_for(60.0, lambda: (bag_path / "metadata.yaml").exists())
        publishers.publish_for(4.0)
        os.kill(graph.runner.pids()["recorder"], signal.SIGKILL)
        assert graph.join() != 0
        sent = publishers.sent
    contents = repair.recover(bag_path, bag_path.parent / "recovered")
    assert len(contents.problems) == 1
    assert not any("image" in topic for topic in contents.counts)
    last = max(message.sequence for message in Bag(bag_path).messages({"/joint_states"}))
    assert sent - 250 < last <= sent
    assert repair.examine(bag_path.parent / "recovered").counts == contents.counts


def test_a_full_disk_is_one_line(run_graph: Any, bag_path: Path) -> None:
    """Protects people from a traceback an hour into a recording: the disk is looked at first."""
    with run_graph(record_graph(RecordOptions(bag=str(bag_path), seconds=1e8))) as graph:
        assert graph.join() == WRONG_PARAMETER
    assert "these topics need up to" in graph.text
    assert "Traceback" not in graph.text
    assert not bag_path.exists()


def test_a_loss_is_counted(make_node: Any, bag_path: Path) -> None:
    """Protects the meaning of `lost: 0`."""
    from dactyl.nodes.recorder import Recorder

    recorder = make_node(Recorder, bag=bag_path)
    for sequence in (5, 6, 9, 10, 1, 2, 4):  # 1: the publisher was started anew
        recorder._count_lost("/clock", sequence)
    recorder.uncounted.add("/diagnostics")
    for sequence in (1, 9):
        recorder._count_lost("/diagnostics", sequence)
    assert recorder._lost() == {"/clock": 3}


def test_so_many_seconds_are_over_when_nothing_comes_too(make_node: Any, bag_path: Path) -> None:
    """Protects a script that waits for `record --seconds`: no message, or no more of them, is no reason to wait on."""
    from dactyl.nodes.recorder import Recorder

    recorder = make_node(Recorder, bag=bag_path, seconds=100.0)
    for passed, over in ((99.0, False), (101.0, True)):
        recorder.started, recorder.finished = time.monotonic() - passed, False
        recorder._take_all()
        assert recorder.finished == over
    recorder.begun = time.monotonic() - 99.0  # then the publishers ended
    recorder.finished = False
    recorder._take_all()
    assert not recorder.finished
    recorder.begun -= 2.0
    recorder._take_all()
    assert recorder.finished


@pytest.mark.parametrize("other", ["/joint_states", ""])
def test_topics_that_send_nothing_are_named(run_graph: Any, bag_path: Path, tmp_path: Path, other: str) -> None:
    """Protects from a typing error in a topic's name: it is named, and where nothing came at all that is a failure."""
    options = RecordOptions(bag=str(bag_path), topics=f"/typo {other}", json=str(tmp_path / "record.json"))
    with run_graph(record_graph(options)) as graph:
        publishers = Publishers(graph)
        publishers.publish_for(60.0, lambda: "nothing came yet on /typo" in graph.text)
        os.kill(graph.runner.pids()["recorder"], signal.SIGINT)
        code = graph.join()
    assert "nothing came on /typo" in graph.text
    outcome = json.loads((tmp_path / "record.json").read_text())["results"]
    assert outcome["missing"] == ["/typo"]
    assert (code == 0) == bool(other), graph.text
