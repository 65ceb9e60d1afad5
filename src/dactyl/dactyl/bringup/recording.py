"""The graphs that make a bag and play one: the recorder, and one node with another that plays to it."""

from __future__ import annotations

import time
from pathlib import Path

from dactyl import topics
from dactyl.bringup import configuration
from dactyl.bringup.graph import Graph, Node, Value
from dactyl.bringup.options import POSE_TOPICS, RecordOptions, ReplayOptions
from dactyl.errors import DactylError
from dactyl.ranges import check_options
from dactyl.results import check_writable
from dactyl.storage.models import estimator_for, policy_for
from dactyl.storage.shared import shared


def record_graph(options: RecordOptions) -> Graph:
    """The project's own recorder, beside a graph that runs already.

    Raises:
        DactylError: an option asks for what cannot be had.
    """
    check_options(options)
    if options.json:
        check_writable(Path(options.json))
    parameters: dict[str, Value] = {
        "bag": str(Path(options.bag or time.strftime("bags/%Y-%m-%d-%H-%M-%S")).absolute()),
        "topics": options.topics,
        "images": options.images,
        "seconds": float(options.seconds),
        "split_mb": options.split_mb,
        "report": str(Path(options.json).absolute()) if options.json else "",
    }
    return Graph((Node("recorder", parameters, required=True),), _configuration(), alone=False)


def replay_graph(options: ReplayOptions) -> Graph:
    """One node of the graph, and another that plays a bag to it.

    Raises:
        DactylError: an option asks for what cannot be had.
    """
    check_options(options)
    if not Path(options.bag).exists():
        raise DactylError(f"there is no bag {options.bag}")
    if options.json:
        check_writable(Path(options.json))
    source = {"object_pose": POSE_TOPICS[options.pose]}
    player: dict[str, Value] = {
        "bag": str(Path(options.bag).absolute()),
        "node": options.node,
        "speed": options.speed,
        "report": str(Path(options.json).absolute()) if options.json else "",
        **source,
    }
    find = policy_for if options.node == "policy" else estimator_for
    weights = find(options.object, options.weights or None)
    if not weights.exists():
        raise DactylError(f"there are no weights {weights} for the {options.node}: name them with --weights")
    tried: dict[str, Value] = {"object": options.object}
    if options.node == "policy":
        tried |= {"policy": str(weights.absolute()), "seed": options.seed, **source}
    else:
        tried |= {"weights": str(weights.absolute()), "sensor_noise": False}
    hand = ((topics.JOINT_STATES, topics.of_simulated_hand(topics.JOINT_STATES)),)  # a real one may be there
    nodes = Node("replayer", player, hand, required=True), Node(options.node, tried, hand)
    return Graph(nodes, _configuration())


def _configuration() -> configuration.Configuration:
    return configuration.read(shared("config", "sim.yaml"))
