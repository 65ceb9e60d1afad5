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
"""s without an answer after which nobody is believed to look."""
ROUNDS = 3
"""Times that everything is asked while an answer counts."""
OBSERVERS = ("/rostopic_", "/record_", "/rqt_", "/rviz")
"""How the names of nodes begin that listen to commands and do not follow them."""
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
        self.remembered = ROUNDS * EVERY * len(self.questions)
        """s that an answer counts."""
        self._joint_states, self._commands = joint_states, tuple(commands)
        self._tolerated, self._ask = frozenset(tolerated), ask
        self._next = cycle(self.questions)
        self._asked_at, self._waits = -PATIENCE, False
        self._told: dict[Question, tuple[float, list[str]]] = {}
        """Names of nodes, and when they were told."""
        self._heard_at: float | None = None
        """When rosapi answered last, or the connection came; None: there is none."""
        self._refusal = ""

    def look(self, now: float) -> None:
        """Ask the next question, if it is time."""
        if now - self._asked_at < (PATIENCE if self._waits else EVERY):
            return
        self._asked_at = now
        self._waits = self._ask(next(self._next))
        if not self._waits:
            self._heard_at, self._refusal = None, ""
        elif self._heard_at is None:
            self._heard_at = now

    def answer(self, question: Question, values: Any, now: float) -> None:
        """Take rosapi's answer, or rosbridge's that there is no rosapi."""
        service, _ = question
        names = values.get(service.rpartition("/")[2]) if isinstance(values, dict) else None
        if not isinstance(names, list):
            self._refusal = str(values)
            return
        self._told[question] = now, sorted({str(name) for name in names})
        self._waits, self._heard_at, self._refusal = False, now, ""

    def unseen(self, now: float) -> str:
        """Why nothing is known of other nodes, where that lasts."""
        if self._refusal:
            return f"other nodes on the hand's topics are not seen: rosbridge says {self._refusal!r}; start rosapi"
        if self._heard_at is None or now - self._heard_at < SILENCE:
            return ""
        return "other nodes on the hand's topics are not seen: rosapi does not answer beside rosbridge"

    def untold(self, now: float) -> str:
        """That not everything was told yet since the start, where it may still be."""
        if len(self._told) == len(self.questions) or self.unseen(now):
            return ""
        return f"rosapi has not told yet who else is on the hand's topics {BEHIND}"

    def conflict(self, now: float) -> str:
        """Which node speaks that must not; empty where there is none, or nothing is known."""
        senders = self._others(PUBLISHERS, self._joint_states, now)
        if len(senders) > 1:
            return f"{len(senders)} nodes publish {self._joint_states} {BEHIND}: {' and '.join(senders)}"
        for topic in self._commands:
            if others := self._others(PUBLISHERS, topic, now):
                return f"another node commands the hand on {topic} {BEHIND}: {others[0]}"
        return ""

    def untaken(self, now: float) -> str:
        """Which commands nobody takes; empty if all are taken, or nothing is known."""
        for topic in self._commands:
            told = self._names((SUBSCRIBERS, topic), now) is not None
            takers = [name for name in self._others(SUBSCRIBERS, topic, now) if not name.startswith(OBSERVERS)]
            if told and self._server(now) and not takers:
                return f"nobody takes {topic} {BEHIND}: are the hand's controllers running?"
        return ""

    def _others(self, service: str, topic: str, now: float) -> list[str]:
        """Nodes but the rosbridge server and those that are tolerated; none while it is not known which it is."""
        server = self._server(now)
        names = (self._names((service, topic), now) or []) if server else []
        return [name for name in names if name not in server and name not in self._tolerated]

    def _server(self, now: float) -> list[str]:
        """The rosbridge server's own node."""
        return self._names((PUBLISHERS, self.own_topic), now) or []

    def _names(self, question: Question, now: float) -> list[str] | None:
        when, names = self._told.get(question, (0.0, []))
        return names if question in self._told and now - when < self.remembered else None
