"""The object locator: a position for depth and mask of one recent moment, and otherwise none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import CameraInfo, Image

from dactyl.errors import DactylError
from dactyl.maths import pinhole, quaternion
from dactyl.nodes.object_locator import ObjectLocator
from dactyl.robot import robot as robots
from dactyl.robot.placement import eye_place
from dactyl.ros import images, messages

ROBOT = robots.load("gr1")
EYE = ROBOT.eyes[ROBOT.locator]
PERIOD_NS = 200_000_000
K = pinhole.camera_matrix(EYE.fovy, EYE.width, EYE.height)


class Rig:
    """A node and what the third view sends: a board that faces it, at a place in the robot's frame."""

    def __init__(self, node: ObjectLocator, recorder: Any) -> None:
        self.node, self.positions = node, recorder.messages
        node.publisher = recorder
        self.now_ns = node.get_clock().now().nanoseconds
        self.board = eye_place(EYE).position + quaternion.rotate(eye_place(EYE).orientation, np.array([0.1, 0.05, 1.0]))

    def pictures(self) -> tuple[np.ndarray, np.ndarray]:
        place = eye_place(EYE)
        centre = quaternion.rotate_inverse(place.orientation, self.board - place.position)
        pixels = np.stack(np.meshgrid(np.arange(EYE.width), np.arange(EYE.height)), axis=-1)
        points = pinhole.unproject(pixels, np.full(pixels.shape[:2], centre[2]), K)
        mask = (np.abs(points[..., :2] - centre[:2]) < 0.04).all(-1)
        return np.where(mask, centre[2], 1.6), mask

    def info(self) -> CameraInfo:
        return images.pinhole_info("front_optical", EYE.fovy, EYE.width, EYE.height)

    def send(self, tick: int, mask_tick: int | None = None, **special: Any) -> None:
        """Depth, mask and calibration of ticks that are counted from now, or what is given; None: nothing."""
        depth, mask = self.pictures()
        sent = {"info": self.info(), "depth": images.from_depth(depth), "mask": images.from_mask(mask), **special}
        for kind, at in (("info", tick), ("depth", tick), ("mask", tick if mask_tick is None else mask_tick)):
            if (message := sent[kind]) is not None:
                messages.set_stamp(message.header.stamp, self.now_ns + at * PERIOD_NS)
                getattr(self.node, f"on_{kind}")(message)

    @property
    def stamps(self) -> list[int]:
        return [(messages.nanoseconds(pose.header.stamp) - self.now_ns) // PERIOD_NS for pose in self.positions]


@pytest.fixture
def start(make_node: Callable[..., ObjectLocator], recorder: Callable[[], Any]) -> Callable[..., Rig]:
    def start(**parameters: Any) -> Rig:
        return Rig(make_node(ObjectLocator, **{"robot": "gr1", "object": "table_cube", "max_age": 10.0, **parameters}),
                   recorder())  # fmt: skip

    return start


def test_the_board_is_where_it_is_in_the_robots_frame(start: Callable[..., Rig]) -> None:
    rig = start(behind=0.0)
    rig.send(0)
    rig.send(1)
    assert rig.stamps == [0, 1]
    np.testing.assert_allclose(messages.position(rig.positions[0].pose), rig.board, atol=0.006)
    diagnosis = rig.node.diagnose()
    assert (diagnosis.level, diagnosis.values) == (DiagnosticStatus.OK, {"positions": 2})


def test_it_never_says_how_the_object_is_turned(start: Callable[..., Rig]) -> None:
    """Protects policies that need to know: what they read is NaN, on which none acts."""
    rig = start()
    rig.send(0)
    assert np.isnan(messages.orientation(rig.positions[0].pose.orientation)).all()


def test_the_centre_lies_behind_the_surface_by_half_the_object(start: Callable[..., Rig]) -> None:
    rig = start()
    rig.send(0)
    found = messages.position(rig.positions[0].pose)
    assert np.linalg.norm(found - rig.board) == pytest.approx(0.03, abs=0.006)
    assert np.linalg.norm(found - EYE.position) > np.linalg.norm(rig.board - EYE.position)


@pytest.mark.parametrize("absent", [np.nan, 0.0, np.inf])
def test_without_depth_nothing_is_said(start: Callable[..., Rig], absent: float) -> None:
    """Protects the hand from going where the background is, or nothing."""
    rig = start()
    depth, mask = rig.pictures()
    depth[mask] = absent
    rig.send(0, depth=images.from_depth(depth))
    assert rig.positions == []
    diagnosis = rig.node.diagnose()
    assert (diagnosis.level, diagnosis.message) == (
        DiagnosticStatus.WARN, "no position: no depth where the object is seen",
    )  # fmt: skip
    assert diagnosis.values["withheld, no depth where the object is seen"] == 1


def test_a_hidden_object_has_no_position_and_then_it_has_one_again(start: Callable[..., Rig]) -> None:
    rig = start()
    rig.send(0, mask=images.from_mask(np.zeros((EYE.height, EYE.width), bool)))
    assert rig.positions == []
    assert "the object is not seen" in rig.node.diagnose().message
    rig.send(1)
    assert rig.stamps == [1]
    assert rig.node.diagnose().level == DiagnosticStatus.OK


def test_depth_and_mask_of_different_moments_give_no_position(start: Callable[..., Rig]) -> None:
    rig = start()
    rig.send(1, mask_tick=0)
    assert rig.positions == []
    assert rig.node.withheld == {}, "the other one may be on its way"


def test_a_mask_that_took_its_time_finds_the_depth_of_its_moment(start: Callable[..., Rig]) -> None:
    """Protects the way of a real segmentation, whose camera has gone on meanwhile."""
    rig = start(behind=0.0)
    before = rig.board.copy()
    rig.send(0, mask=None)
    _, mask = rig.pictures()
    rig.board = rig.board + np.array([0.0, 0.2, 0.0])
    for tick in (1, 2, 3):
        rig.send(tick, mask=None)
    rig.send(0, info=None, depth=None, mask=images.from_mask(mask))
    assert rig.stamps == [0]
    np.testing.assert_allclose(messages.position(rig.positions[0].pose), before, atol=0.006)
    rig.send(4, mask=None)
    assert rig.stamps == [0], "one mask is one position"


def test_stale_pictures_give_no_position(start: Callable[..., Rig]) -> None:
    """Protects the policy from where the object was; and whoever looks for the reason."""
    rig = start(max_age=0.4)
    for tick in (-6, -5):
        rig.send(tick)
    assert rig.positions == []
    diagnosis = rig.node.diagnose()
    assert diagnosis.message == "no position: stale: its time is not now"
    assert diagnosis.values["withheld, stale: its time is not now"] == 2
    rig.now_ns = rig.node.get_clock().now().nanoseconds
    rig.send(0)
    assert rig.stamps == [0]


def test_a_picture_older_than_the_last_gives_no_position_but_a_clock_that_begins_anew_does(
    start: Callable[..., Rig],
) -> None:
    rig = start()
    for tick in (10, 9):
        rig.send(tick)
    assert rig.stamps == [10]
    assert "older than the one before" in rig.node.diagnose().message
    rig.send(0)
    assert rig.stamps == [10, 0]


def test_pictures_sent_again_give_the_position_again(start: Callable[..., Rig]) -> None:
    """Protects lockstep where a message was lost: the simulator sends again until it is answered."""
    rig = start()
    rig.send(0)
    rig.send(0)
    assert rig.stamps == [0, 0]
    assert rig.positions[0] == rig.positions[1]
    assert rig.node.positions == 1


@pytest.mark.parametrize(
    ("special", "said"),
    [
        ({"info": CameraInfo(width=EYE.width, height=EYE.height)}, "not calibrated"),
        ({"info": images.pinhole_info("front_optical", EYE.fovy, 640, 480)}, "not calibrated"),
        ({"depth": Image(encoding="8UC1")}, "depth in no known form"),
        ({"mask": images.from_mask(np.ones((4, 4), bool))}, "different sizes"),
    ],
    ids=["no calibration", "another size", "no depth image", "another mask"],
)
def test_pictures_that_do_not_fit_give_no_position(start: Callable[..., Rig], special: Any, said: str) -> None:
    rig = start()
    rig.send(0, **special)
    assert rig.positions == []
    assert said in rig.node.diagnose().message


def test_what_is_missing_is_named(start: Callable[..., Rig]) -> None:
    rig = start()
    assert rig.node.diagnose().message == "no depth, no mask, no camera_info from front"
    rig.send(0, mask=None)
    assert rig.positions == []
    assert rig.node.diagnose().message == "no mask from front"


def test_a_calibrated_place_is_believed(start: Callable[..., Rig]) -> None:
    place, moved = eye_place(EYE), np.array([0.0, 0.1, 0.0])
    numbers = np.concatenate([place.position + moved, place.orientation])
    rig = start(behind=0.0, place=[round(number, 6) for number in numbers.tolist()])
    rig.send(0)
    np.testing.assert_allclose(messages.position(rig.positions[0].pose), rig.board + moved, atol=0.006)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"robot": "shadow"}, "the robot shadow has no eye ''"),
        ({"eye": "frond"}, "the robot gr1 has no eye 'frond': did you mean front"),
        ({"place": [0.0] * 7}, "place must hold x y z and a rotation"),
    ],
)
def test_what_cannot_be_is_refused(start: Callable[..., Rig], parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(DactylError, match=message):
        start(**parameters)
