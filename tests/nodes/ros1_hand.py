"""A program of ROS 1 that stands in for Shadow's own: joints that follow, their names, topics and rates.

It is run by Debian's Python with rospy, not by the tests' own. Each command that arrives is printed, one line of JSON.
A number on its standard input is somebody who bends every joint to that angle, rad.
"""

from __future__ import annotations

import json
import sys
import threading
import time

import rospy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

RATE, SPEED = 125, 7.0  # Hz, rad/s
NUMBERS = {"FF": range(1, 5), "LF": range(1, 6), "MF": range(1, 5), "RF": range(1, 5), "TH": range(1, 6), "WR": (1, 2)}
NAMES = [f"rh_{finger}J{number}" for finger, numbers in NUMBERS.items() for number in numbers]
MOTORS = [f"{finger}J{number}" for finger in ("FF", "MF", "RF") for number in (0, 3, 4)]
MOTORS += [*(f"LFJ{number}" for number in (0, 3, 4, 5)), *(f"THJ{number}" for number in range(1, 6)), "WRJ1", "WRJ2"]


class Hand:
    """Joints on their way to the last command."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.angles = dict.fromkeys(NAMES, 0.1)
        self.targets = dict(self.angles)
        self.states = rospy.Publisher("/joint_states", JointState, queue_size=1)
        self.diagnostics = rospy.Publisher("/diagnostics", DiagnosticArray, queue_size=1)
        for topic in ("/rh_trajectory_controller/command", "/rh_wr_trajectory_controller/command"):
            rospy.Subscriber(topic, JointTrajectory, self.take, callback_args=topic, queue_size=100, tcp_nodelay=True)

    def take(self, message: JointTrajectory, topic: str) -> None:
        point = message.points[0]
        with self.lock:
            self.targets.update(zip(message.joint_names, point.positions))  # noqa: B905
            line = {
                "time": time.monotonic(),
                "topic": topic,
                "stamp": message.header.stamp.to_nsec(),
                "from_start": point.time_from_start.to_nsec(),
                "targets": dict(zip(message.joint_names, point.positions)),  # noqa: B905
                "angles": self.angles,
            }
            print(json.dumps(line), flush=True)

    def bend(self) -> None:
        for line in sys.stdin:
            with self.lock:
                self.angles = dict.fromkeys(NAMES, float(line))
                self.targets = dict(self.angles)

    def move(self) -> None:
        with self.lock:
            for name, angle in self.angles.items():
                way = self.targets[name] - angle
                self.angles[name] = angle + max(-SPEED / RATE, min(SPEED / RATE, way))
            state = JointState(name=NAMES, position=[self.angles[name] for name in NAMES], effort=[0.0] * len(NAMES))
        state.velocity = [0.0] * len(NAMES)
        state.header.stamp = rospy.Time.now()
        self.states.publish(state)

    def warm(self) -> None:
        temperature = [KeyValue(key="Temperature", value="31.5")]
        statuses = [DiagnosticStatus(name=f"rh SRDMotor {motor}", values=temperature) for motor in MOTORS]
        self.diagnostics.publish(DiagnosticArray(status=statuses))


def main() -> None:
    rospy.init_node("sr_hand_robot", disable_signals=True)
    hand = Hand()
    threading.Thread(target=hand.bend, daemon=True).start()
    rate = rospy.Rate(RATE)
    count = 0
    while not rospy.is_shutdown():
        hand.move()
        if count % RATE == 0:
            hand.warm()
        count += 1
        rate.sleep()


if __name__ == "__main__":
    main()
