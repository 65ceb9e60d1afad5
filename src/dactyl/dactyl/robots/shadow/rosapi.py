"""Which nodes speak for the hand or to it in the ROS behind rosbridge, as rosapi tells that runs beside it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import cycle
from typing import Any
from uuid import uuid4

SERVICE = "/rosapi/publishers"
EVERY = 0.2
"""s between two questions, each about one topic."""
UNANSWERED = 1.0
"""s that a question waits for its answer before the next is asked."""
REMEMBERED = 3.0
"""s that an answer counts, and that rosapi may be silent."""
WHERE = "in the ROS behind rosbridge"


class Publishers:
    """Asks who publishes the hand's topics, one after the other. Times are s of a clock that is never set back."""

    def __init__(
        self, joint_states: str, commands: Collection[str], tolerated: Sequence[str], ask: Callable[[str], bool]
    ) -> None:
        """
        Args:
            joint_states: topic of the hand's.
            commands: topics that it is commanded on from here.
            tolerated: full names of nodes that may publish on these too: an arm's, on the joint states.
            ask: sends the question about a topic; False where there is no connection.
        """
        self.own_topic = f"/dactyl_{uuid4().hex[:8]}"
        """To be advertised from here alone: who publishes it is the rosbridge server itself."""
        self._joint_states, self._commands = joint_states, tuple(commands)
        self._tolerated, self._ask = frozenset(tolerated), ask
        self._known: dict[str, tuple[float, list[str]]] = {}
        self.topics = (self.own_topic, joint_states, *commands)
        self._next = cycle(self.topics)
        self._asked, self._waits = -UNANSWERED, False
        self._answered: float | None = None
        self._connected: float | None = None
        """When the connection came."""

    def look(self, now: float) -> None:
        """Ask the next question, if it is time."""
        if now - self._asked < (UNANSWERED if self._waits else EVERY):
            return
        self._asked = now
        self._waits = self._ask(next(self._next))
        if not self._waits:
            self._connected = self._answered = None
        elif self._connected is None:
            self._connected = now

    def answer(self, topic: str, values: Any, now: float) -> None:
        """Take rosapi's answer about a topic.

        Raises:
            ValueError: it is none.
        """
        self._waits = False
        names = values.get("publishers") if isinstance(values, dict) else None
        if not isinstance(names, list):
            raise ValueError(f"it answers {values!r}")
        self._known[topic] = now, sorted({str(name) for name in names} - self._tolerated)
        self._answered = now

    def conflict(self, now: float) -> str:
        """Which node speaks that must not; empty where there is none, or nothing is known."""
        senders = self._publishers(self._joint_states, now)
        if len(senders) > 1:
            return f"{len(senders)} nodes publish {self._joint_states} {WHERE}: {' and '.join(senders)}"
        if server := self._publishers(self.own_topic, now):
            for topic in self._commands:
                if others := [name for name in self._publishers(topic, now) if name not in server]:
                    return f"another node commands the hand on {topic} {WHERE}: {others[0]}"
        return ""

    def problem(self, now: float) -> str:
        """That nothing is known, where that lasts."""
        since = self._answered if self._answered is not None else self._connected
        if since is None or now - since < REMEMBERED:
            return ""
        return "rosapi does not answer beside rosbridge: other nodes on the hand's topics are not seen"

    def _publishers(self, topic: str, now: float) -> list[str]:
        when, names = self._known.get(topic, (now, []))
        return names if now - when < REMEMBERED else []
