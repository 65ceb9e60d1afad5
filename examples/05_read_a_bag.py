"""Read a bag without ROS: when goals were reached, and how long from the fingertips to the action.

    ./dactyl record --bag my_bag --seconds 30        # while ./dactyl sim runs
    python examples/05_read_a_bag.py my_bag

Messages are decoded with the definitions that the bag carries, so a bag of any ROS 2 program can be read like this.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

from dactyl import topics
from dactyl.recording.reading import Bag

FINGERTIPS, ACTION, STATUS = map(topics.absolute, (topics.FINGERTIPS, topics.ACTION, topics.STATUS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bag", type=Path, help="a rosbag2 folder, or an .mcap file")
    bag = Bag(parser.parse_args().bag)

    counts = Counter(message.topic for message in bag.messages())
    for topic, count in sorted(counts.items()):
        print(f"{count:7}  {topic}  {bag.topics[topic].type}")

    published: dict[tuple[int, int], int] = {}  # stamp of fingertips -> when they were sent, ns
    latencies: list[float] = []
    successes = 0
    for message, content in bag.decoded((FINGERTIPS, ACTION, STATUS)):
        if message.topic == FINGERTIPS:
            stamp = content.header.stamp
            published[stamp.sec, stamp.nanosec] = message.sent_ns
        elif message.topic == ACTION:
            stamp = content.fingertips_stamp
            if sent := published.get((stamp.sec, stamp.nanosec)):
                latencies.append((message.sent_ns - sent) * 1e-6)
        elif content.successes > successes:
            print(
                f"trial {content.trial}: goal {content.successes} reached, {content.time_left:.0f} s before the timeout"
            )
        if message.topic == STATUS:
            successes = content.successes
    if latencies:
        p50, p99 = np.percentile(latencies, [50, 99])
        print(f"{len(latencies)} actions, fingertips -> action p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    print(*bag.problems or ["nothing is damaged"], sep="\n")


if __name__ == "__main__":
    main()
