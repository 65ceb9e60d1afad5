"""Joints of the GR1T2's arms and hands, in the names, signs and limits of the package fourier-robot-descriptions.

An arm has 7 joints, each with its motor. A hand has 6 motors. Its other joints, 5 of the Fourier hand and 6 of the
Inspire hand, are moved by these: q_u = k · q_a + b (Lin et al., appendix A). They are joints of the robot like the
others, without a motor of their own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dactyl.robot.robot import Coupling

SIDES = ("left", "right")
PREFIXES = {"left": "L", "right": "R"}
"""Of the names of a hand's parts."""
FINGERS = ("thumb", "index", "middle", "ring")
"""Those that are told where they are: four fingertips a hand, as the paper has it. The fifth, the pinky, moves too."""


class Hand(NamedTuple):
    """One kind of hand. Names of joints and links are without the prefix of their side."""

    name: str
    joints: dict[str, tuple[float, float]]
    """In the order of the file: limits, rad; of a coupled joint they follow from the joint that moves it."""
    couplings: tuple[Coupling, ...]
    """What the package says; a calibration improves k and b."""
    links: dict[str, tuple[str, str]]
    """By finger: its two links, from the root outwards, whose second carries the tip."""
    tips: dict[str, dict[str, tuple[float, float, float]]]
    """By side and finger: where the tip is in that second link, m."""
    home: dict[str, float]
    """rad; joints that are not 0 when an episode begins."""


def _fingers(proximal: str, intermediate: str, moved: tuple[float, float]) -> dict[str, tuple[float, float]]:
    names = ("index", "middle", "ring", "pinky")
    return {f"{name}_{joint}": moved for name in names for joint in (proximal, intermediate)}


_PROXIMAL, _INTERMEDIATE = "proximal_joint", "intermediate_joint"
_LONG = ("index", "middle", "ring", "pinky")

FOURIER = Hand(
    name="fourier",
    joints={
        "thumb_proximal_yaw_joint": (-1.696, 0.0),
        "thumb_proximal_pitch_joint": (0.0, 1.143),
        "thumb_distal_joint": (0.0, 0.0),
        **_fingers(_PROXIMAL, _INTERMEDIATE, (-1.592, 0.0)),
        "middle_proximal_joint": (-1.593, 0.0),
        "ring_proximal_joint": (-1.593, 0.0),
    },
    couplings=(
        Coupling("thumb_distal_joint", "thumb_proximal_pitch_joint", 1.06, 0.0),
        *(Coupling(f"{name}_{_INTERMEDIATE}", f"{name}_{_PROXIMAL}", 0.975, 0.0) for name in _LONG),
    ),
    links={
        "thumb": ("thumb_proximal_pitch_link", "thumb_distal_link"),
        **{name: (f"{name}_proximal_link", f"{name}_intermediate_link") for name in FINGERS[1:]},
    },
    tips={
        side: {
            "thumb": thumb, "index": (0.039, -0.002, 0.0), "middle": (0.047, -0.0025, 0.0),
            "ring": (0.0385, -0.0015, 0.0),
        }
        for side, thumb in (("left", (0.0305, -0.001, 0.0)), ("right", (0.03, -0.0015, 0.0)))
    },
    home={"thumb_proximal_yaw_joint": -1.4},
)  # fmt: skip
"""6 motors and 5 coupled joints. The thumb stands opposite the fingers at home: an object finds its place between."""

INSPIRE = Hand(
    name="inspire",
    joints={
        "thumb_proximal_yaw_joint": (-0.1, 1.3),
        "thumb_proximal_pitch_joint": (-0.1, 0.6),
        "thumb_intermediate_joint": (0.0, 0.0),
        "thumb_distal_joint": (0.0, 0.0),
        **_fingers(_PROXIMAL, _INTERMEDIATE, (0.0, 1.7)),
    },
    couplings=(
        Coupling("thumb_intermediate_joint", "thumb_proximal_pitch_joint", 1.6, 0.0),
        Coupling("thumb_distal_joint", "thumb_proximal_pitch_joint", 2.4, 0.0),
        *(Coupling(f"{name}_{_INTERMEDIATE}", f"{name}_{_PROXIMAL}", 1.0, 0.0) for name in _LONG),
    ),
    links={
        "thumb": ("thumb_intermediate", "thumb_distal"),
        **{name: (f"{name}_proximal", f"{name}_intermediate") for name in FINGERS[1:]},
    },
    tips={
        side: {
            "thumb": (0.015, sign * 0.013, -0.004), "index": (-0.005, sign * 0.04, -0.004),
            "middle": (-0.005, sign * 0.045, -0.004), "ring": (-0.002, sign * 0.04, -0.004),
        }
        for side, sign in (("left", -1.0), ("right", 1.0))
    },
    home={"thumb_proximal_yaw_joint": 1.2},
)  # fmt: skip
"""6 motors and 6 coupled joints."""

_ARM = {
    "shoulder_pitch": (-2.79, 1.92),
    "shoulder_roll": (-0.57, 2.53),
    "shoulder_yaw": (-2.97, 2.97),
    "elbow_pitch": (-2.27, 2.27),
    "wrist_yaw": (-2.97, 2.97),
    "wrist_roll": (-0.87, 0.96),
    "wrist_pitch": (-0.61, 0.61),
}
"""rad, of the left arm, from the shoulder outwards; the right arm's rolls are mirrored."""
ELBOW_HOME, ROLL_HOME = -1.57, 0.25
"""rad; at home forearms reach forwards, elbows are a little away from the body, palms face each other."""


def arm(side: str) -> dict[str, tuple[float, float]]:
    """Limits of an arm's seven joints, rad, from the shoulder outwards, by their full names."""
    return {
        f"{side}_{joint}_joint": (-upper, -lower) if side == "right" and joint.endswith("roll") else (lower, upper)
        for joint, (lower, upper) in _ARM.items()
    }


def couplings(hand: Hand, sides: tuple[str, ...]) -> tuple[Coupling, ...]:
    """Of the hands on these sides, with the full names of joints."""
    return tuple(
        Coupling(f"{PREFIXES[side]}_{c.joint}", f"{PREFIXES[side]}_{c.moved_by}", c.k, c.b)
        for side in sides
        for c in hand.couplings
    )


def limits(hand: Hand, sides: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """Every joint that moves on these sides, arm before hand, with its limits, rad: the order of the robot."""
    found: dict[str, tuple[float, float]] = {}
    for side in sides:
        found |= arm(side)
        found |= {f"{PREFIXES[side]}_{joint}": values for joint, values in hand.joints.items()}
    for coupled in couplings(hand, sides):
        ends = sorted(coupled.k * end + coupled.b for end in found[coupled.moved_by])
        found[coupled.joint] = (ends[0], ends[1])
    return found


def home(hand: Hand, sides: tuple[str, ...]) -> dict[str, float]:
    """Angles at which episodes begin, rad, by the joints of these sides."""
    found = dict.fromkeys(limits(hand, sides), 0.0)
    for side in sides:
        found[f"{side}_elbow_pitch_joint"] = ELBOW_HOME
        found[f"{side}_shoulder_roll_joint"] = ROLL_HOME if side == "left" else -ROLL_HOME
        found |= {f"{PREFIXES[side]}_{joint}": angle for joint, angle in hand.home.items()}
    for coupled in couplings(hand, sides):
        found[coupled.joint] = coupled.k * found[coupled.moved_by] + coupled.b
    return found


def opened(hand: Hand, sides: tuple[str, ...]) -> dict[str, float]:
    """Where the hands' motors are, rad, when the hands are open: as episodes begin."""
    at_home = home(hand, sides)
    prefixes = {PREFIXES[side] for side in sides}
    return {joint: at_home[joint] for joint in actuated(hand, sides) if joint.partition("_")[0] in prefixes}


def actuated(hand: Hand, sides: tuple[str, ...]) -> tuple[str, ...]:
    """The joints with a motor, in the robot's order."""
    without = {coupled.joint for coupled in couplings(hand, sides)}
    return tuple(joint for joint in limits(hand, sides) if joint not in without)


def actuation(hand: Hand, sides: tuple[str, ...]) -> np.ndarray:
    """(A, J): an actuator is where its joint is; what it moves besides follows by the coupling."""
    joints = tuple(limits(hand, sides))
    rows = np.zeros((len(actuated(hand, sides)), len(joints)))
    for row, joint in enumerate(actuated(hand, sides)):
        rows[row, joints.index(joint)] = 1.0
    return rows


def fingertips(sides: tuple[str, ...]) -> tuple[str, ...]:
    """Four a hand, hand by hand: `left_thumb`, `left_index`, …"""
    return tuple(f"{side}_{finger}" for side in sides for finger in FINGERS)
