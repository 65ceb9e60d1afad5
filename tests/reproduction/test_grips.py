"""Grasps, pivoting and gaiting in records that were made by hand. Fingers: index, middle, ring, little, thumb."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.maths import quaternion
from dactyl.reproduction import grips
from dactyl.reproduction.grips import Record, Span

FF, MF, RF, LF, TH = range(5)


def record(
    steps: int,
    tips: tuple[int, ...] = (),
    *,
    inner: tuple[int, ...] = (),
    palm: bool = False,
    outward: float = 0.9,
) -> Record:
    """The same contacts all the time; those fingers touch with their last link, or with the one before."""
    links = np.zeros((steps, 5, 3), bool)
    links[:, list(tips), 2] = True
    links[:, list(inner), 1] = True
    points = np.full((steps, 5, 3), np.nan)
    places = np.array([[0.02, 0.0, 0.0], [0.01, 0.02, 0.0], [0.0, 0.02, 0.0], [-0.02, 0.0, 0.0], [0.0, -0.02, 0.0]])
    touching = sorted({*tips, *inner})
    points[:, touching] = places[touching]
    along = np.full((steps, 5), np.nan)
    along[:, list(tips)] = outward
    orientation = np.tile([1.0, 0.0, 0.0, 0.0], (steps, 1))
    return Record(links, np.full(steps, palm), points, along, np.zeros((steps, 3)), orientation)


@pytest.mark.parametrize(
    ("tips", "inner", "palm", "outward", "name"),
    [
        ((FF, TH), (), False, 0.9, grips.TIP_PINCH),
        ((FF, TH), (), False, 0.5, grips.PALMAR_PINCH),
        ((TH,), (LF,), False, 0.9, grips.PALMAR_PINCH),
        ((FF, MF, TH), (), False, 0.2, grips.TRIPOD),
        ((MF, RF, LF, TH), (), False, 0.9, grips.QUADPOD),
        ((FF, MF, RF, LF, TH), (), False, 0.9, grips.FIVE_FINGERS),
        ((FF, LF, TH), (), True, 0.9, grips.POWER),
        ((FF, TH), (), True, 0.9, grips.ON_PALM),
        ((), (), True, 0.9, grips.ON_PALM),
        ((FF, LF), (), False, 0.9, grips.NO_THUMB),
        ((TH,), (), False, 0.9, grips.OTHER),
        ((FF, TH), (MF,), False, 0.9, grips.OTHER),
        ((), (), False, 0.9, grips.NONE),
    ],
)
def test_classes_by_contact(
    tips: tuple[int, ...], inner: tuple[int, ...], palm: bool, outward: float, name: str
) -> None:
    made = record(2, tips, inner=inner, palm=palm, outward=outward)
    assert grips.classify(made, TH) == [name] * 2
    assert name in grips.CLASSES


def test_spans_are_where_a_label_stands() -> None:
    assert grips.spans(["a", "a", "b", "a"]) == [("a", Span(0, 2)), ("b", Span(2, 3)), ("a", Span(3, 4))]
    assert grips.spans([]) == []


def test_contacts_are_told_for_each_finger_and_the_palm() -> None:
    made = record(5, (FF, TH), inner=(RF,), palm=True)
    made.links[2, FF] = False
    assert grips.touches(made, 4) == [[[0, 2], [3, 4]], [], [[0, 4]], [], [[0, 4]], [[0, 4]]]


def turned(made: Record, axis: np.ndarray, angle: float) -> Record:
    """The object turns evenly by an angle about an axis of the robot frame."""
    steps = len(made.palm)
    turns = np.linspace(0.0, angle, steps)[:, None] * axis
    return made._replace(orientation=quaternion.from_rotation_vector(turns))


X, Y, Z = np.eye(3)


def test_turning_about_the_line_between_two_fingers_is_pivoting() -> None:
    """Index and little finger are on the x axis of the object."""
    (pivot,) = grips.pivots(turned(record(6, (FF, LF)), X, 0.5))
    assert pivot.fingers == (FF, LF)
    assert pivot.angle == pytest.approx(0.5)
    assert pivot.span == Span(0, 6)
    assert pivot.distal


def test_the_line_is_where_the_fingers_are_not_where_they_began() -> None:
    """An object that has been turned by 90° about z: its x axis is the robot's y axis."""
    made = record(6, (FF, LF))
    quarter = quaternion.from_rotation_vector(np.array([0.0, 0.0, np.pi / 2]))
    turn = turned(made, Y, 0.6).orientation
    made = made._replace(orientation=quaternion.multiply(turn, np.tile(quarter, (6, 1))))
    assert len(grips.pivots(made)) == 1
    across = quaternion.multiply(turned(made, X, 0.6).orientation, np.tile(quarter, (6, 1)))
    assert grips.pivots(made._replace(orientation=across)) == []


@pytest.mark.parametrize(
    "made",
    [
        turned(record(6, (FF, LF)), Y, 0.5),  # about another axis
        turned(record(6, (FF, LF)), X, 0.2),  # too little
        turned(record(2, (FF, LF)), X, 0.5),  # too short
        turned(record(6, (FF, LF), palm=True), X, 0.5),  # it lies on the palm
        turned(record(6, (FF, LF, TH)), X, 0.5),  # three hold it
        turned(record(6, (FF,)), X, 0.5),
    ],
)
def test_other_turns_are_none(made: Record) -> None:
    assert grips.pivots(made) == []


def test_pivoting_with_an_inner_link_is_not_by_the_distal_ones() -> None:
    (pivot,) = grips.pivots(turned(record(6, (FF,), inner=(LF,)), X, 0.5))
    assert not pivot.distal


def stepping(gap: int, stride: float, held: tuple[int, ...] = (MF, TH)) -> Record:
    """The index finger lets go for so many control steps and comes back so far away, m."""
    made = record(gap + 6, (FF, *held))
    made.links[3 : 3 + gap, FF] = False
    made.points[3 : 3 + gap, FF] = np.nan
    made.points[3 + gap :, FF] += [0.0, 0.0, stride]
    return made


def test_letting_go_and_taking_another_place_is_gaiting() -> None:
    (gait,) = grips.gaits(stepping(4, 0.015))
    assert (gait.finger, gait.span) == (FF, Span(3, 7))
    assert gait.stride == pytest.approx(0.015)


@pytest.mark.parametrize(
    "made",
    [
        stepping(4, 0.005),  # the same place
        stepping(30, 0.015),  # away for too long
        stepping(4, 0.015, held=(TH,)),  # one finger holds nothing
    ],
)
def test_other_steps_are_none(made: Record) -> None:
    assert grips.gaits(made) == []


def test_another_finger_that_lets_go_meanwhile_does_not_hold() -> None:
    made = stepping(4, 0.015)
    made.links[5, MF] = False
    made.points[5, MF] = np.nan
    assert [gait.finger for gait in grips.gaits(made)] == []


def test_a_finger_that_never_comes_back_does_not_step() -> None:
    made = record(10, (FF, MF, TH))
    made.links[5:, FF] = False
    assert grips.gaits(made) == []


def test_figures_by_hand() -> None:
    """Two trials of 4 and 10 control steps of 0.08 s."""
    pinch, power = record(4, (LF, TH)), record(10, (FF, LF, TH), palm=True)
    figures = grips.figures([pinch, power], TH, 0.08)
    assert figures["minutes"] == pytest.approx(14 * 0.08 / 60.0)
    assert figures["share"][grips.TIP_PINCH] == pytest.approx(4 / 14)
    assert figures["share"][grips.POWER] == pytest.approx(10 / 14)
    assert sum(figures["share"].values()) == pytest.approx(1.0)
    assert (figures["grasps"][grips.TIP_PINCH], figures["grasps"][grips.TRIPOD]) == (1, 0)
    assert figures["in_precision"] == [0, 0, 0, 4, 4], "a power grasp is none of precision"
    assert (figures["precision"], figures["pinches"], figures["pinched"]) == (4, 4, [0, 0, 0, 4, 4])
    assert (figures["pivots"], figures["gaits"]) == (0, [0] * 5)


def test_a_grasp_that_does_not_last_is_none_but_its_time_counts() -> None:
    figures = grips.figures([record(2, (LF, TH))], TH, 0.08)
    assert figures["grasps"][grips.TIP_PINCH] == 0
    assert figures["share"][grips.TIP_PINCH] == 1.0


def test_showpieces_are_the_best_of_their_kind() -> None:
    trials = [record(4, (LF, TH)), record(9, (FF, TH)), turned(record(6, (FF, LF)), X, 0.5), stepping(4, 0.02)]
    shown = grips.showpieces(trials, TH)
    assert shown[grips.TIP_PINCH] == (1, Span(0, 9))
    assert shown["finger pivoting"] == (2, Span(0, 6))
    assert shown["finger gaiting"] == (3, Span(1, 9))
    assert grips.POWER not in shown
