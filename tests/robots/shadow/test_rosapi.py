"""What rosapi answers, and what is made of it; the way there is in test_rosbridge.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from dactyl.robots.shadow.protocol import POSITIONS, TRAJECTORIES
from dactyl.robots.shadow.rosapi import EVERY, PATIENCE, PUBLISHERS, SILENCE, SUBSCRIBERS, OtherNodes, Question

COMMANDS = ("/fingers", "/wrist")
SERVER, HAND = "/rosbridge_websocket", "/hand"


class Rosapi:
    """Answers at once, with a clock of its own."""

    def __init__(self, tolerated: tuple[str, ...] = (), commands: Sequence[str] = COMMANDS) -> None:
        self.asked: list[Question] = []
        self.now = 10.0
        self.connected = True
        self.values: Any = None
        """What is answered in the place of names."""
        self.answers = True
        self.takes = 0.0
        """s from a question to its answer."""
        self.asked_at: float | None = None
        self.nodes = OtherNodes("/joint_states", commands, tolerated, self._ask)
        self.publishers = {"/joint_states": [HAND], self.nodes.own_topic: [SERVER]}
        self.publishers |= {topic: [SERVER] for topic in commands}
        self.subscribers = {topic: [SERVER, HAND] for topic in commands}
        self.round = EVERY * len(self.nodes.questions) + 0.05

    def _ask(self, question: Question) -> bool:
        if self.connected:
            self.asked.append(question)
            self.asked_at = self.now
        return self.connected

    def run(self, seconds: float) -> str:
        """Which node speaks that must not, after so long."""
        for _ in range(round(seconds / 0.01)):
            self.now += 0.01
            self.nodes.look(self.now)
            if self.asked_at is not None and self.now - self.asked_at >= self.takes and self.answers:
                self.asked_at = None
                service, topic = self.asked[-1]
                names = self.publishers if service == PUBLISHERS else self.subscribers
                values = {service.rpartition("/")[2]: names[topic]} if self.values is None else self.values
                self.nodes.answer(self.asked[-1], values, self.now)
        return self.nodes.conflict(self.now)


def test_everything_is_asked_in_turn() -> None:
    """Protects the ROS at the other end from a flood of questions, and every topic from being left out."""
    rosapi = Rosapi()
    assert not rosapi.run(2 * rosapi.round)
    expected = [(PUBLISHERS, rosapi.nodes.own_topic), (PUBLISHERS, "/joint_states")]
    expected += [(service, topic) for topic in COMMANDS for service in (PUBLISHERS, SUBSCRIBERS)]
    assert rosapi.asked == expected * 2


@pytest.mark.parametrize(
    "commands", [tuple(TRAJECTORIES["trajectory"]), tuple(POSITIONS)], ids=["trajectory", "position"]
)
def test_another_commander_is_named_until_it_has_gone(commands: tuple[str, ...]) -> None:
    """Protects a hand of two controllers and one of twenty: a stranger is not forgotten between two questions."""
    rosapi = Rosapi(commands=commands)
    assert not rosapi.run(rosapi.round)
    rosapi.publishers[commands[1]].append("/teleoperation")
    expected = f"another node commands the hand on {commands[1]} in the ROS behind rosbridge: /teleoperation"
    assert rosapi.run(rosapi.round) == expected
    assert {rosapi.run(EVERY) for _ in range(3 * len(rosapi.nodes.questions))} == {expected}
    rosapi.publishers[commands[1]].remove("/teleoperation")
    assert not rosapi.run(rosapi.round)


def test_a_second_source_of_joint_states_is_named_unless_it_is_tolerated() -> None:
    for tolerated, named in (((), True), (("/arm",), False), ((SERVER, "/arm"), False)):
        rosapi = Rosapi(tolerated)
        rosapi.publishers["/joint_states"].append("/arm")
        assert bool(rosapi.run(rosapi.round)) == named


def test_a_tolerated_server_does_not_hide_a_commander() -> None:
    """Protects against a name too much in `tolerated_nodes`, which would end the search without a word."""
    rosapi = Rosapi((SERVER,))
    rosapi.publishers["/fingers"].append("/teleoperation")
    assert "/teleoperation" in rosapi.run(rosapi.round)


@pytest.mark.parametrize("others", [[], ["/rqt_gui_py_node_7", "/record_1690", "/dactyl/timing_monitor"]])
def test_commands_that_nobody_takes_are_said(others: list[str]) -> None:
    """Protects from "running" without controllers; who only listens is none."""
    rosapi = Rosapi(tolerated=(HAND,))
    rosapi.run(rosapi.round)
    assert not rosapi.nodes.untaken(rosapi.now), "who is tolerated may take them"
    rosapi.subscribers["/wrist"] = [SERVER, *others]
    rosapi.run(rosapi.round)
    said = rosapi.nodes.untaken(rosapi.now)
    assert said == "nobody takes /wrist in the ROS behind rosbridge: are the hand's controllers running?"


def test_before_everything_was_told_it_is_said() -> None:
    """Protects an enable in the first second from another commander, and the server's own node from being one."""
    rosapi = Rosapi()
    rosapi.run(EVERY)
    assert rosapi.nodes.untold(rosapi.now).startswith("rosapi has not told yet")
    rosapi.run(rosapi.round)
    assert not rosapi.nodes.untold(rosapi.now)


def test_a_server_that_is_not_known_is_said() -> None:
    """Protects from a search that finds nobody because rosapi tells of no node of the server's."""
    rosapi = Rosapi()
    rosapi.publishers[rosapi.nodes.own_topic] = []
    assert not rosapi.run(rosapi.round), "the server's own node is no stranger"
    assert rosapi.nodes.untold(rosapi.now)
    rosapi.run(2 * rosapi.round)
    assert rosapi.nodes.unseen(rosapi.now).endswith("rosapi does not know the rosbridge server's node")


@pytest.mark.parametrize("outage", [0.3, 30.0])
def test_after_an_outage_everything_is_told_anew(outage: float) -> None:
    """Protects against nodes that came or went while there was no connection, and a server of another name."""
    rosapi = Rosapi()
    rosapi.publishers["/fingers"].append("/teleoperation")
    assert rosapi.run(rosapi.round)
    rosapi.connected = False
    assert not rosapi.run(outage)
    assert not rosapi.nodes.unseen(rosapi.now), "that there is no connection is said elsewhere"
    rosapi.publishers = {topic: ["/another"] for topic in rosapi.publishers} | {"/joint_states": [HAND]}
    rosapi.connected = True
    assert not rosapi.run(0.2)
    assert rosapi.nodes.untold(rosapi.now)
    assert not rosapi.run(rosapi.round)
    assert not rosapi.nodes.untold(rosapi.now)


def test_silence_is_said_and_not_asked_into() -> None:
    """Protects from believing that somebody looks; a rosapi that hangs is asked once a second."""
    rosapi = Rosapi()
    rosapi.answers = False
    rosapi.run(SILENCE - 0.1)
    assert not rosapi.nodes.unseen(rosapi.now)
    assert rosapi.nodes.untold(rosapi.now)
    rosapi.run(0.3)
    assert rosapi.nodes.unseen(rosapi.now).endswith("start rosapi beside rosbridge, it does not answer")
    assert not rosapi.nodes.untold(rosapi.now), "a lab without it may enable its hand"
    assert len(rosapi.asked) == SILENCE / PATIENCE + 1
    rosapi.answers = True
    rosapi.run(PATIENCE + 0.1)
    assert not rosapi.nodes.unseen(rosapi.now)


def test_a_slow_rosapi_is_waited_for() -> None:
    """Protects a lab with a busy computer: what was told in a round that takes seconds counts in the next."""
    rosapi = Rosapi()
    rosapi.takes = 0.8 * PATIENCE
    rosapi.run(PATIENCE * len(rosapi.nodes.questions))
    assert not rosapi.nodes.untold(rosapi.now)
    rosapi.publishers["/fingers"].append("/teleoperation")
    assert rosapi.run(PATIENCE * len(rosapi.nodes.questions))
    assert {bool(rosapi.run(EVERY)) for _ in range(100)} == {True}


@pytest.mark.parametrize("values", ["Service /rosapi/publishers does not exist", {}, {"publishers": "/hand"}])
def test_what_is_no_answer_is_said_and_asked_again_seldom(values: Any) -> None:
    """Protects the log at the other end: rosbridge writes a line for each question to a rosapi that is not there."""
    rosapi = Rosapi()
    rosapi.values = values
    assert not rosapi.run(2 * PATIENCE + 0.1)
    assert rosapi.nodes.untold(rosapi.now), "it may be about to start"
    assert not rosapi.run(2 * PATIENCE)
    assert repr(str(values)) in rosapi.nodes.unseen(rosapi.now)
    assert len(rosapi.asked) == 5
    rosapi.values = None
    rosapi.run(PATIENCE)
    assert not rosapi.nodes.unseen(rosapi.now)
