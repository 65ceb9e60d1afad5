"""From actions to smoothed ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.nodes.action_filter import ActionFilter
from dactyl.robot import backlash, control
from dactyl.ros import messages
from dactyl_msgs.msg import HandAction


def action(sequence: int = 0, **changes: Any) -> HandAction:
    message = HandAction(**{"robot": "shadow", "sequence": sequence, "action": [0.5] * 20, "bins": [8] * 20, **changes})
    messages.set_stamp(message.header.stamp, (sequence + 1) * 80_000_000)
    return message


@pytest.fixture
def start(make_node: Callable[..., ActionFilter], recorder: type[Any]) -> Callable[..., ActionFilter]:
    def start(**parameters: Any) -> ActionFilter:
        node = make_node(ActionFilter, **parameters)
        node.publisher = recorder()
        return node

    return start


def test_actions_are_smoothed_and_slacken_as_in_training(start: Callable[..., ActionFilter]) -> None:
    """Protects the numbers: the same float32 arithmetic, and the policy's bins untouched."""
    node = start(backlash="true", smoothing=0.3)
    smoothed, slack = np.zeros(20, np.float32), np.zeros(20, np.float32)
    deltas = np.full((20, 2), backlash.CALIBRATED, np.float32)
    for sequence in range(5):
        node.on_action(action(sequence))
        smoothed = control.smooth(smoothed, np.full(20, 0.5, np.float32), 0.3)
        slack, expected = backlash.apply(slack, smoothed, deltas)
        sent = node.publisher.messages[-1]
        np.testing.assert_array_equal(np.asarray(sent.action), expected)
        assert (sent.robot, list(sent.bins)) == ("shadow", [8] * 20)
    node.on_action(action(4))
    assert len(node.publisher.messages) == 6, "whoever repeats an action got no answer to it"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"robot": "trifinger"}, "for another robot"),
        ({"action": [0.1] * 21}, "21 numbers for 20 actuators"),
        ({"action": []}, "0 numbers for 20 actuators"),
        ({"action": [float("nan")] * 20}, "not finite"),
    ],
)
def test_what_is_not_this_robots_goes_no_further(
    start: Callable[..., ActionFilter], changes: dict[str, Any], reason: str
) -> None:
    """Protects whatever is behind the filter: lists in messages may have any length."""
    node = start()
    node.on_action(action(**changes))
    assert not node.publisher.messages
    assert node.diagnose().values[reason] == 1


def test_slack_rates_are_one_for_all_or_two_for_each_actuator(start: Callable[..., ActionFilter]) -> None:
    node = start(backlash_deltas=[float(i + 1) for i in range(40)])
    np.testing.assert_array_equal(node.deltas[1], [3.0, 4.0])


def test_another_number_of_slack_rates_is_refused(start: Callable[..., ActionFilter]) -> None:
    with pytest.raises(DactylError, match="backlash_deltas must have 1 or 40 elements, not 20"):
        start(backlash_deltas=[1.0] * 20)
