"""What rosapi answers, and what is made of it; the way there is in test_rosbridge.py."""

from __future__ import annotations

from typing import Any

import pytest

from dactyl.robots.shadow.rosapi import EVERY, REMEMBERED, UNANSWERED, Publishers

COMMANDS = ("/fingers", "/wrist")
SERVER = "/rosbridge_websocket"


class Rosapi:
    """Answers at once, with a clock of its own."""

    def __init__(self, tolerated: tuple[str, ...] = ()) -> None:
        self.nodes: dict[str, list[str]] = {"/joint_states": ["/hand"], "/fingers": [SERVER], "/wrist": [SERVER]}
        self.asked: list[str] = []
        self.now = 10.0
        self.connected = self.answers = True
        self.publishers = Publishers("/joint_states", COMMANDS, tolerated, self._ask)
        self.nodes[self.publishers.own_topic] = [SERVER]

    def _ask(self, topic: str) -> bool:
        if self.connected:
            self.asked.append(topic)
        return self.connected

    def run(self, seconds: float) -> str:
        """Which node speaks that must not, after so long."""
        for _ in range(round(seconds / 0.01)):
            self.now += 0.01
            asked = len(self.asked)
            self.publishers.look(self.now)
            if len(self.asked) > asked and self.answers:
                self.publishers.answer(self.asked[-1], {"publishers": self.nodes[self.asked[-1]]}, self.now)
        return self.publishers.conflict(self.now)


def test_topics_are_asked_about_in_turn() -> None:
    """Protects the ROS at the other end from a flood of questions, and every topic from being left out."""
    rosapi = Rosapi()
    assert not rosapi.run(8.1 * EVERY)
    assert rosapi.asked == [rosapi.publishers.own_topic, "/joint_states", *COMMANDS] * 2


@pytest.mark.parametrize("topic", COMMANDS)
def test_another_commander_is_named_within_a_round(topic: str) -> None:
    rosapi = Rosapi()
    rosapi.run(1.0)
    rosapi.nodes[topic].append("/teleoperation")
    assert (
        rosapi.run(4.2 * EVERY)
        == f"another node commands the hand on {topic} in the ROS behind rosbridge: /teleoperation"
    )
    rosapi.nodes[topic].remove("/teleoperation")
    assert not rosapi.run(4.2 * EVERY)


def test_a_second_source_of_joint_states_is_named_unless_it_is_tolerated() -> None:
    for tolerated, named in (((), True), (("/arm",), False)):
        rosapi = Rosapi(tolerated)
        rosapi.nodes["/joint_states"].append("/arm")
        assert bool(rosapi.run(1.0)) == named


def test_before_the_servers_own_name_is_known_nobody_is_a_stranger() -> None:
    """Protects an enable just after the start from being refused for the server's own node."""
    rosapi = Rosapi()
    rosapi.nodes[rosapi.publishers.own_topic] = []
    assert not rosapi.run(1.0)


def test_old_answers_do_not_count() -> None:
    """Protects against a node that has gone while there was no connection."""
    rosapi = Rosapi()
    rosapi.nodes["/fingers"].append("/teleoperation")
    assert rosapi.run(1.0)
    rosapi.connected = False
    assert not rosapi.run(REMEMBERED + 0.1)
    assert not rosapi.publishers.problem(rosapi.now), "that there is no connection is said elsewhere"


def test_silence_is_said_and_not_asked_into() -> None:
    """Protects from believing that somebody looks; a rosapi that hangs is asked once a second."""
    rosapi = Rosapi()
    rosapi.answers = False
    rosapi.run(REMEMBERED - 0.1)
    assert not rosapi.publishers.problem(rosapi.now)
    rosapi.run(0.3)
    assert rosapi.publishers.problem(rosapi.now).startswith("rosapi does not answer")
    assert len(rosapi.asked) == REMEMBERED / UNANSWERED + 1
    rosapi.answers = True
    rosapi.run(1.1)
    assert not rosapi.publishers.problem(rosapi.now)


@pytest.mark.parametrize("values", ["Service /rosapi/publishers does not exist", None, {}, {"publishers": "/hand"}])
def test_what_is_no_answer_is_refused(values: Any) -> None:
    with pytest.raises(ValueError, match="it answers "):
        Rosapi().publishers.answer("/fingers", values, 1.0)
