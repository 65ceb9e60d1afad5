"""Calls the hand driver's services: for a terminal where ROS's own `ros2 service call` is not installed."""

from __future__ import annotations

from rclpy.executors import SingleThreadedExecutor
from std_srvs.srv import SetBool, Trigger

from dactyl import topics, variables
from dactyl.errors import DactylError
from dactyl.ros.apart import node_apart

_REQUESTS = {
    "enable": ("enable", SetBool, SetBool.Request(data=True)),
    "disable": ("enable", SetBool, SetBool.Request(data=False)),
    "stop": ("stop", Trigger, Trigger.Request()),
    "reset": ("reset", Trigger, Trigger.Request()),
}
PATIENCE = 5.0
"""s"""


def call(what: str, namespace: str = topics.NAMESPACE) -> str:
    """Ask the driver of a namespace to enable, disable, stop or reset the hand; what it says.

    Raises:
        DactylError: it refuses, or there is none.
    """
    service, kind, request = _REQUESTS[what]
    variables.check_ros()
    with node_apart("hand_services") as node:
        client = node.create_client(kind, topics.absolute(f"hand_driver/{service}", namespace))
        if not client.wait_for_service(PATIENCE):
            raise DactylError(f"there is no hand_driver to {what} the hand: is the graph running?")
        with SingleThreadedExecutor(context=node.context) as executor:
            future = client.call_async(request)
            executor.add_node(node)
            executor.spin_until_future_complete(future, PATIENCE)
            answer = future.result()
    if answer is None:
        raise DactylError(f"the hand_driver has not answered for {PATIENCE:g} s")
    if not answer.success:
        raise DactylError(answer.message)
    return str(answer.message)
