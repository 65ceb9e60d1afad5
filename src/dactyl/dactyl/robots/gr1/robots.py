"""Makes a GR1T2 of its hands and of the arms that move; the others hang down, fixed."""

from __future__ import annotations

import numpy as np

from dactyl.robot.robot import Cameras, Eye, Markers, Positions, Robot, Timing, Workspace
from dactyl.robots.gr1 import joints, layout
from dactyl.robots.gr1.joints import FINGERS, Hand
from dactyl.robots.gr1.presses import PRESSES

BOTH, RIGHT = ("left", "right"), ("right",)


def make(name: str, title: str, hand: Hand, sides: tuple[str, ...], model: str) -> Robot:
    """A robot.

    Args:
        name: in the registry.
        title: what people call it.
        hand: both hands' kind.
        sides: whose arm and hand move, the left before the right.
        model: see `Robot.model`.
    """
    limits = joints.limits(hand, sides)
    height = layout.TABLE_HEIGHT + layout.FLUSH
    return Robot(
        name=name,
        title=title,
        joints=tuple(limits),
        joint_limits=np.array(list(limits.values())),
        actuators=joints.actuated(hand, sides),
        actuation=joints.actuation(hand, sides),
        fingertips=joints.fingertips(sides),
        workspace=Workspace(np.array([*layout.REACH[sides], height]), depth=layout.DEPTH, radius=layout.RADIUS),
        cameras=Cameras(layout.CAMERAS, layout.CAMERA_DISTANCE, layout.CAMERA_FOVY),
        markers=Markers(
            np.array([hand.tips[side][finger] for side in sides for finger in FINGERS]),
            layout.BASE_MARKERS,
            np.array([layout.LINK_RADII] * (len(sides) * len(FINGERS))),
        ),
        timing=Timing(control=0.2, physics=0.008),  # policies act at 5 Hz, 25 physics steps each
        action=Positions(bins=0, smoothing=1.0, tendons=False),
        model=model,
        couplings=joints.couplings(hand, sides),
        eyes={
            **{
                name: Eye(layout.EYE, layout.EYE_LOOKS_AT, layout.EYE_FOVY, *size, layout.EYE_REACH)
                for name, size in layout.EYE_SIZES.items()
            },
            "front": Eye(
                layout.FRONT, layout.FRONT_LOOKS_AT, layout.FRONT_FOVY, *layout.FRONT_SIZE, layout.FRONT_REACH
            ),
        },
        locator="front",
        opened=joints.opened(hand, sides),
        scripted_starts="dactyl.robots.gr1.grasps:states",
        demonstrations="dactyl.robots.gr1.grasps:demonstrations",
        script_placements=tuple(PRESSES) if len(sides) == 2 else (),
        exercise="dactyl.robots.gr1.calibration:exercise",
        gravity_compensation=1.0,  # the arms' controllers carry their weight
    )
