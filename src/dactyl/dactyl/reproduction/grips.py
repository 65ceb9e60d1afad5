"""Grasps, finger pivoting and finger gaiting, found in records of who touches the object where (section 6.1).

Grasps are classes of the GRASP taxonomy by contact alone: which links touch, and how far out. What a person would see
besides, such as which way forces go, is not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any, NamedTuple

import numpy as np

from dactyl.maths import quaternion

TIP_PINCH, PALMAR_PINCH, TRIPOD, QUADPOD = "tip pinch", "palmar pinch", "tripod", "quadpod"
FIVE_FINGERS, POWER = "five-finger precision", "power"
OTHER, ON_PALM, NO_THUMB, NONE = "thumb and fingers, otherwise", "on the palm", "fingers alone", "no contact"
PAPERS = (TIP_PINCH, PALMAR_PINCH, TRIPOD, QUADPOD, FIVE_FINGERS, POWER)
"""Those of Figure 7."""
CLASSES = (*PAPERS, OTHER, ON_PALM, NO_THUMB, NONE)
PRECISION = (TIP_PINCH, PALMAR_PINCH, TRIPOD, QUADPOD)
"""Held by the thumb and some, not all, of the fingers."""
TIP = 0.7
"""Share of a finger's last link beyond which a contact is the tip's, not the pad's."""
SHORTEST = 3
"""Control steps that count as a grasp, or as a pivoting: 0.24 s."""
TURN, OFF_AXIS = 0.35, np.radians(30.0)
"""rad that a pivoting turns the object at least, and that its axis is off the line between the fingers at most."""
LONGEST_STEP, STRIDE = 20, 0.010
"""Control steps that a finger lets go for at most when it takes another place, and m that this is away at least."""


class Record(NamedTuple):
    """One trial, a row for each of its control steps."""

    links: np.ndarray
    """(T, F, L) bool, see `simulation.contacts.Touch`."""
    palm: np.ndarray
    """(T,) bool, any other part of the robot."""
    points: np.ndarray
    """(T, F, 3) m, object frame; NaN without contact."""
    outward: np.ndarray
    """(T, F) place along the last link; NaN without contact of it."""
    position: np.ndarray
    """(T, 3) m, of the object, robot frame."""
    orientation: np.ndarray
    """(T, 4) of the object, robot frame."""

    @property
    def fingers(self) -> np.ndarray:
        """(T, F) bool: it touches with any link."""
        touching: np.ndarray = np.any(self.links, axis=-1)
        return touching


class Span(NamedTuple):
    """Control steps from `start` on, before `stop`."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start


def classify(record: Record, thumb: int) -> list[str]:
    """The class of each control step, one of `CLASSES`.

    Args:
        record: of a trial.
        thumb: its index among the fingers.
    """
    fingers = record.fingers
    others = np.delete(fingers, thumb, axis=1).sum(1)
    inner: np.ndarray = np.any(record.links[:, :, :-1], axis=(1, 2))
    least = np.where(fingers, np.nan_to_num(record.outward, nan=0.0), 1.0).min(1)
    steps = zip(fingers[:, thumb], others, record.palm, inner, least, strict=True)
    return [_class(*map(float, step)) for step in steps]


def _class(thumb: float, others: float, palm: float, inner: float, least: float) -> str:
    """Of one control step: whether the thumb touches, how many fingers, the palm, inner links; the least far tip."""
    if not (thumb or others or palm):
        return NONE
    if palm:
        return POWER if thumb and others >= 2 else ON_PALM
    if not thumb or not others:
        return NO_THUMB if others else OTHER
    if others == 1:
        return TIP_PINCH if not inner and least >= TIP else PALMAR_PINCH
    if inner:
        return OTHER
    return {2: TRIPOD, 3: QUADPOD}.get(int(others), FIVE_FINGERS)


def spans(labels: Sequence[Any]) -> list[tuple[Any, Span]]:
    """Where the same label stands in a row, in order."""
    found, start = [], 0
    for label, group in groupby(labels):
        stop = start + len(list(group))
        found.append((label, Span(start, stop)))
        start = stop
    return found


def touches(record: Record, most: int) -> list[list[list[int]]]:
    """When each finger, and last the palm, touches the object: [start, stop) in control steps, of the first `most`."""
    columns = [*record.fingers.T, record.palm]
    return [
        [[span.start, span.stop] for touching, span in spans(column[:most].tolist()) if touching] for column in columns
    ]


class Pivot(NamedTuple):
    """The object was held between two fingers and turned about the line between them."""

    span: Span
    fingers: tuple[int, int]
    angle: float
    """rad"""
    distal: bool
    """By the last links alone."""


def pivots(record: Record) -> list[Pivot]:
    """Every pivoting: two fingers, the same all the time, and nothing else touch the object; see `TURN`, `OFF_AXIS`."""
    held = [
        tuple(map(int, np.flatnonzero(fingers))) if fingers.sum() == 2 and not palm else ()
        for fingers, palm in zip(record.fingers, record.palm, strict=True)
    ]
    found = []
    for pair, span in spans(held):
        if not pair or span.length < SHORTEST:
            continue
        angle, axis = _turned(record.orientation[span.start], record.orientation[span.stop - 1])
        line = _between(record, (span.start + span.stop) // 2, pair)
        if angle >= TURN and np.arccos(np.clip(abs(axis @ line), 0.0, 1.0)) <= OFF_AXIS:
            inner = record.links[span.start : span.stop, :, :-1].any()
            found.append(Pivot(span, (pair[0], pair[1]), angle, not bool(inner)))
    return found


def _turned(before: np.ndarray, after: np.ndarray) -> tuple[float, np.ndarray]:
    """Angle, rad, and axis (3,) of the rotation between two orientations, in the frame that they are in."""
    turn = quaternion.canonical(quaternion.multiply(after, quaternion.conjugate(before)))
    length = float(np.linalg.norm(turn[1:]))
    return float(quaternion.angle(turn)), turn[1:] / max(length, 1e-12)


def _between(record: Record, step: int, pair: tuple[int, ...]) -> np.ndarray:
    """(3,) direction from one finger's contact to the other's, robot frame."""
    first, second = (quaternion.rotate(record.orientation[step], record.points[step, finger]) for finger in pair)
    line = second - first
    direction: np.ndarray = line / max(float(np.linalg.norm(line)), 1e-12)
    return direction


class Gait(NamedTuple):
    """A finger let go and took the object at another place, while others held it."""

    span: Span
    """In which it touched nothing of the object."""
    finger: int
    stride: float
    """m, on the object."""


def gaits(record: Record) -> list[Gait]:
    """Every step of finger gaiting; at least two other fingers, the same ones, hold the object all the while."""
    found = []
    fingers = record.fingers
    for finger in range(fingers.shape[1]):
        for (_, before), (touching, gap), (_, _after) in _triples(spans(list(fingers[:, finger]))):
            if touching or gap.length > LONGEST_STEP:
                continue
            held: np.ndarray = np.all(fingers[gap.start - 1 : gap.stop + 1], axis=0)
            held[finger] = False
            stride = float(np.linalg.norm(record.points[gap.stop, finger] - record.points[before.stop - 1, finger]))
            if held.sum() >= 2 and stride >= STRIDE:
                found.append(Gait(gap, finger, stride))
    return found


def _triples(found: list[tuple[Any, Span]]) -> list[tuple[tuple[Any, Span], ...]]:
    return [(a, b, c) for (a, b), (_, c) in pairwise(pairwise(found))]


def figures(records: Sequence[Record], thumb: int, period: float) -> dict[str, Any]:
    """What trials show, taken together.

    Args:
        records: of trials.
        thumb: its index among the fingers.
        period: of a control step, s.

    Returns:
        minutes; share and grasps (how many lasted) by class; in_precision: for each finger the control steps of
        precision grasps that it takes part in; pinched: for each finger the control steps of pinches with it;
        precision, pinches: control steps in all; pivots, distal_pivots; gaits for each finger.
    """
    number = records[0].fingers.shape[1]
    shares, grasps = dict.fromkeys(CLASSES, 0), dict.fromkeys(CLASSES, 0)
    precise, pinched = np.zeros(number, int), np.zeros(number, int)
    turned: list[Pivot] = []
    stepped = np.zeros(number, int)
    for record in records:
        classes = classify(record, thumb)
        for label, span in spans(classes):
            shares[label] += span.length
            grasps[label] += span.length >= SHORTEST
        precise += record.fingers[np.isin(classes, PRECISION)].sum(0)
        pinched += record.fingers[np.isin(classes, (TIP_PINCH, PALMAR_PINCH))].sum(0)
        turned += pivots(record)
        for gait in gaits(record):
            stepped[gait.finger] += 1
    steps = sum(shares.values())
    return {
        "minutes": steps * period / 60.0,
        "share": {name: count / steps for name, count in shares.items()},
        "grasps": {name: int(count) for name, count in grasps.items()},
        "precision": sum(shares[name] for name in PRECISION),
        "in_precision": precise.tolist(),
        "pinches": shares[TIP_PINCH] + shares[PALMAR_PINCH],
        "pinched": pinched.tolist(),
        "pivots": len(turned),
        "distal_pivots": sum(pivot.distal for pivot in turned),
        "gaits": stepped.tolist(),
    }


def showpieces(records: Sequence[Record], thumb: int) -> dict[str, tuple[int, Span]]:
    """For each class of Figure 7, and for pivoting and gaiting, the best example there is: trial and control steps."""
    best: dict[str, tuple[float, int, Span]] = {}

    def offer(name: str, worth: float, trial: int, span: Span) -> None:
        if worth > best.get(name, (0.0,))[0]:
            best[name] = (worth, trial, span)

    for trial, record in enumerate(records):
        for label, span in spans(classify(record, thumb)):
            if label in PAPERS and span.length >= SHORTEST:
                offer(label, span.length, trial, span)
        for pivot in pivots(record):
            offer("finger pivoting", pivot.angle, trial, pivot.span)
        for gait in gaits(record):
            around = Span(max(0, gait.span.start - 2), min(len(record.palm), gait.span.stop + 2))
            offer("finger gaiting", gait.stride, trial, around)
    return {name: (trial, span) for name, (_, trial, span) in best.items()}
