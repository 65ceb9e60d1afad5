"""Commands on the hand's topic that were not sent from here."""

from __future__ import annotations

import numpy as np

from dactyl.robots.shadow.commanders import REMEMBERED, Commanders

OWN, OTHER = np.full(22, 0.3), np.full(22, 0.4)


def test_a_stranger_counts_as_there_for_a_while() -> None:
    """Protects an enable just between two commands of another program."""
    commanders = Commanders("/command")
    commanders.sent(OWN, 1.0)
    commanders.heard(OWN, 1.1)
    assert not commanders.conflict(1.1)
    commanders.heard(OTHER, 1.2)
    assert "/command" in commanders.conflict(1.3)
    assert not commanders.conflict(1.3 + REMEMBERED)


def test_what_was_sent_long_ago_is_a_strangers() -> None:
    """Protects against a program that repeats what this one commanded once; a hold that goes on is its own."""
    commanders = Commanders("/command")
    for i in range(100):
        commanders.sent(OWN, 0.1 * i)
    commanders.heard(OWN, 10.0)
    assert not commanders.conflict(10.0)
    commanders.heard(OWN, 10.0 + REMEMBERED)
    assert commanders.conflict(10.0 + REMEMBERED)


def test_nothing_sent_makes_every_command_a_strangers() -> None:
    """Protects an enable while another program moves the hand."""
    commanders = Commanders("/command")
    commanders.heard(OTHER, 1.0)
    assert commanders.conflict(1.0)
