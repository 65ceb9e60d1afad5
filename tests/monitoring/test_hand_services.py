"""`./dactyl hand …` and the driver's services."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

pytest.importorskip("rclpy", reason="needs ROS: run with ./dactyl test")

from rclpy.executors import SingleThreadedExecutor
from std_srvs.srv import SetBool, Trigger

from dactyl import cli
from dactyl.monitoring import hand_services
from dactyl.ros.apart import node_apart


@pytest.fixture
def driver(ros_domain: int) -> Iterator[list[str]]:
    """Stands in for the driver: what it was asked for. It refuses to be enabled."""
    asked: list[str] = []

    def enable(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        asked.append(f"enable {request.data}")
        response.success, response.message = not request.data, "the hand is stopped"
        return response

    def trigger(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        asked.append("trigger")
        response.success = True
        return response

    with node_apart("hand_driver", namespace="/dactyl") as node:
        node.create_service(SetBool, "hand_driver/enable", enable)
        node.create_service(Trigger, "hand_driver/stop", trigger)
        node.create_service(Trigger, "hand_driver/reset", trigger)
        executor = SingleThreadedExecutor(context=node.context)
        executor.add_node(node)
        thread = threading.Thread(target=executor.spin)
        thread.start()
        yield asked
        executor.shutdown()
        thread.join()


def test_each_command_asks_the_driver(driver: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the stop that somebody types in a hurry; a refusal is one line and exit code 1."""
    assert [cli.main(["hand", what]) for what in ("disable", "stop", "reset", "enable")] == [0, 0, 0, 1]
    assert driver == ["enable False", "trigger", "trigger", "enable True"]
    assert capsys.readouterr().err == "dactyl: the hand is stopped\n"


def test_no_driver_is_one_line(
    ros_domain: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects users from waiting for ever for a graph that does not run."""
    monkeypatch.setattr(hand_services, "PATIENCE", 0.2)
    assert cli.main(["hand", "stop"]) == 1
    assert capsys.readouterr().err == "dactyl: there is no hand_driver to stop the hand: is the graph running?\n"
