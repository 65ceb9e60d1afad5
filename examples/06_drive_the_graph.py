"""Start the ROS graph from a script, listen to it, and give it a goal of your own.

    ./dactyl shell -c 'python examples/06_drive_the_graph.py --seconds 30'

The graph is data: change its nodes or their parameters before it is run.
"""

from __future__ import annotations

import argparse
import threading
import time

import rclpy

from dactyl import topics
from dactyl.bringup.options import SimOptions
from dactyl.bringup.processes import Runner
from dactyl.bringup.run import sim_graph
from dactyl.ros.messages import LATCHED
from dactyl_msgs.msg import TrialStatus
from dactyl_msgs.srv import SetGoal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args()

    graph = sim_graph(SimOptions(headless=True, dashboard=False, seed=1))
    stop = threading.Event()
    runner = threading.Thread(target=Runner(graph, write=lambda line: None).run, args=(stop,))
    runner.start()

    rclpy.init()
    node = rclpy.create_node("listener")
    heard: list[TrialStatus] = []
    node.create_subscription(TrialStatus, topics.absolute(topics.STATUS), heard.append, LATCHED)
    goal = node.create_client(SetGoal, topics.absolute("trial/set_goal"))
    asked = None
    end = time.monotonic() + arguments.seconds
    while time.monotonic() < end:
        rclpy.spin_once(node, timeout_sec=0.1)
        if asked is None and heard and heard[-1].state == TrialStatus.RUNNING:
            request = SetGoal.Request()
            request.orientation.w = request.orientation.z = 0.5**0.5  # a quarter turn about the hand frame's z
            asked = goal.call_async(request)
    print("own goal:", "never asked" if asked is None else asked.result())
    running = [status for status in heard if status.state == TrialStatus.RUNNING]
    print(f"{len(running)} control steps, {max((s.successes for s in running), default=0)} goals in a row at best")
    stop.set()
    runner.join()
    rclpy.shutdown()


if __name__ == "__main__":
    main()
