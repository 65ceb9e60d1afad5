"""Which nodes are on the hand's topics in the ROS behind rosbridge, as rosapi tells that runs beside it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import cycle
from typing import Any
from uuid import uuid4

PUBLISHERS, SUBSCRIBERS = "/rosapi/publishers", "/rosapi/subscribers"
"""Services that take a topic. The last word is also the field of the answer."""
EVERY = 0.15
"""s between two questions."""
PATIENCE = 1.0
"""s that a question waits for its answer before the next is asked, and between two where rosapi refuses."""
SILENCE = 3.0
"""s without an answer after which rosapi counts as absent."""
UNNAMED = 3
"""Answers in a row without the rosbridge server's own node, which may just come up, after which that is said."""
OBSERVERS = ("rostopic_", "record_", "rqt_", "rviz", "rosbag2_recorder", "recorder", "timing_monitor", "loop_benchmark")
"""How the names of nodes begin that listen to commands and do not follow them."""
LONGEST = 80
"""Characters that are told of what is no answer."""
BEHIND = "in the ROS behind rosbridge"

Question = tuple[str, str]
"""Service and topic."""


class OtherNodes:
    """Asks rosapi one question after another. Times are s of a clock that is never set back."""

    def __init__(
        self, joint_states: str, commands: Collection[str], tolerated: Sequence[str], ask: Callable[[Question], bool]
    ) -> None:
        """
        Args:
            joint_states: topic of the hand's.
            commands: topics that it is commanded on from here.
            tolerated: full names of nodes that may publish on these too: an arm's, on the joint states.
            ask: sends a question; False where there is no connection.
        """
        self.own_topic = f"/dactyl_{uuid4().hex[:8]}"
        """To be advertised from here alone: who publishes it is the rosbridge server itself."""
        self.questions: list[Question] = [(PUBLISHERS, self.own_topic), (PUBLISHERS, joint_states)]
        self.questions += [(service, topic) for topic in commands for service in (PUBLISHERS, SUBSCRIBERS)]
        self._joint_states, self._commands = joint_states, tuple(commands)
        self._tolerated, self._ask = frozenset(tolerated), ask
        self._next = cycle(self.questions)
        self._asked_at, self._waits = -PATIENCE, False
        self._told: dict[Question, list[str]] = {}
        """Names of nodes. An answer counts until the next one, as long as rosapi answers at all."""
        self._heard_at: float | None = None
        """When rosapi answered last, or the connection came; None: there is none."""
        self._unnamed = 0
        """Answers in a row that did not name the rosbridge server's node."""
        self._refusal = ""

    def look(self, now: float) -> None:
        """Ask the next question, if it is time."""
        if now - self._asked_at < (PATIENCE if self._waits else EVERY):
            return
        self._asked_at = now
        self._waits = self._ask(next(self._next))
        if not self._waits:
            self._heard_at, self._refusal = None, ""
            self._told.clear()  # whoever is there after an outage has to be told anew
        elif self._heard_at is None:
            self._heard_at, self._unnamed = now, 0

    def answer(self, question: Question, values: Any, now: float) -> None:
        """Take rosapi's answer, or rosbridge's that there is no rosapi."""
        service, topic = question
        names = values.get(service.rpartition("/")[2]) if isinstance(values, dict) else None
        if not isinstance(names, list):
            self._refusal = str(values)[:LONGEST]
            return
        self._told[question] = sorted({str(name) for name in names})
        self._waits, self._heard_at, self._refusal = False, now, ""
        if topic == self.own_topic:
            self._unnamed = 0 if names else self._unnamed + 1

    def unseen(self, now: float) -> str:
        """Why nothing is known of other nodes, where that lasts."""
        if self._heard_at is None:
            return ""
        if now - self._heard_at >= SILENCE:
            says = f"rosbridge says {self._refusal!r}" if self._refusal else "it does not answer"
            return f"other nodes on the hand's topics are not seen: start rosapi beside rosbridge, {says}"
        if self._unnamed >= UNNAMED:
            return "other nodes on the hand's topics are not seen: rosapi does not know the rosbridge server's node"
        return ""

    def untold(self, now: float) -> str:
        """Why an enable has to wait for rosapi's answers; empty if it need not."""
        everything = all(self._names(question, now) is not None for question in self.questions)
        if (everything and self._server(now)) or self.unseen(now):
            return ""
        return f"rosapi has not told yet who else is on the hand's topics {BEHIND}"

    def conflict(self, now: float) -> str:
        """Which node speaks that must not; empty where there is none, or nothing is known."""
        senders = self._others(self._joint_states, now)
        if len(senders) > 1:
            return f"{len(senders)} nodes publish {self._joint_states} {BEHIND}: {' and '.join(senders)}"
        for topic in self._commands:
            if others := self._others(topic, now):
                return f"another node commands the hand on {topic} {BEHIND}: {others[0]}"
        return ""

    def untaken(self, now: float) -> str:
        """Which commands nobody takes; empty if all are taken, or nothing is known."""
        for topic in self._commands:
            names, server = self._names((SUBSCRIBERS, topic), now), self._server(now)
            if names is None or not server:
                continue
            if all(name in server or name.rpartition("/")[2].startswith(OBSERVERS) for name in names):
                return f"nobody takes {topic} {BEHIND}: are the hand's controllers running?"
        return ""

    def _others(self, topic: str, now: float) -> list[str]:
        """Publishers but the rosbridge server and who is tolerated; empty while the server's name is unknown."""
        server = self._server(now)
        names = (self._names((PUBLISHERS, topic), now) or []) if server else []
        return [name for name in names if name not in server and name not in self._tolerated]

    def _server(self, now: float) -> list[str]:
        """The rosbridge server's own node."""
        return self._names((PUBLISHERS, self.own_topic), now) or []

    def _names(self, question: Question, now: float) -> list[str] | None:
        silent = self._heard_at is None or now - self._heard_at >= SILENCE
        return None if silent else self._told.get(question)
