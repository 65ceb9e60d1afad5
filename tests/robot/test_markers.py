"""From markers to fingertips and object pose."""

from __future__ import annotations

import copy
import time

import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.robot.markers import MarkerLayout, MarkerTracker, register

BASE = np.array([[0.03, -0.06, 0.10], [-0.03, -0.06, 0.10], [0.03, -0.06, 0.16], [-0.02, -0.06, 0.18]])
OBJECT = 0.025 * np.concatenate([np.eye(3), -np.eye(3)])
LAYOUT = MarkerLayout(range(5), range(10, 14), BASE, range(20, 26), OBJECT)

HAND_POSITION = np.array([0.1, 0.3, 0.4])
HAND_ORIENTATION = quaternion.from_rotation_vector(np.array([1.4, 0.3, -0.2]))
OBJECT_POSITION = np.array([0.01, -0.04, 0.35])
OBJECT_ORIENTATION = quaternion.from_rotation_vector(np.array([0.5, -2.0, 1.0]))
FINGERTIPS = np.array([[0.03 * i, -0.05, 0.44 + 0.01 * i] for i in range(5)])


def frame(
    fingertips: np.ndarray = FINGERTIPS, hidden: tuple[int, ...] = (), noise: float = 0.0, seed: int = 0
) -> list[tuple[int, float, float, float]]:
    """What a motion-capture system would see of the hand and the object above."""
    on_object = quaternion.rotate(OBJECT_ORIENTATION, OBJECT) + OBJECT_POSITION
    points = quaternion.rotate(HAND_ORIENTATION, np.concatenate([fingertips, BASE, on_object])) + HAND_POSITION
    points = points + noise * np.random.default_rng(seed).standard_normal(points.shape)
    ids = (*LAYOUT.fingertip_ids, *LAYOUT.base_ids, *LAYOUT.object_ids)
    return [(marker, *point) for marker, point in zip(ids, points.tolist(), strict=True) if marker not in hidden]


@pytest.mark.parametrize("seed", range(20))
def test_registration_finds_any_rotation(seed: int) -> None:
    """Protects the object's pose: rotations near 180 degrees and three markers are where such code breaks."""
    random = np.random.default_rng(seed)
    points = random.normal(size=(3 + seed % 4, 3))
    vector = random.normal(size=3)
    q = quaternion.from_rotation_vector(
        vector / np.linalg.norm(vector) * (np.pi if seed < 5 else random.uniform(0, np.pi))
    )
    position = random.normal(size=3)
    pose = register(points, quaternion.rotate(q, points) + position)
    assert pose is not None
    assert quaternion.difference_angle(pose.quaternion, q) < 1e-6
    np.testing.assert_allclose(pose.position, position, atol=1e-9)
    assert pose.residual < 1e-9
    assert pose.quaternion[0] >= 0


@pytest.mark.parametrize("points", [np.zeros((2, 3)), np.eye(3)[:1] * np.arange(4)[:, None], np.zeros((5, 3))])
def test_markers_that_determine_no_pose_give_none(points: np.ndarray) -> None:
    """Protects the policy from an arbitrary rotation about the line through the markers."""
    assert register(points, points) is None


def test_everything_is_found_in_the_hand_frame() -> None:
    """Protects the frame: the policy sees the hand frame, whatever the cameras' own is."""
    tracker = MarkerTracker(LAYOUT)
    tracker.update(1.0, frame())
    np.testing.assert_allclose(tracker.fingertips, FINGERTIPS, atol=1e-9)
    assert tracker.tracked.all()
    np.testing.assert_array_equal(tracker.age, 0.0)
    assert tracker.object is not None
    np.testing.assert_allclose(tracker.object.position, OBJECT_POSITION, atol=1e-9)
    assert quaternion.difference_angle(tracker.object.quaternion, OBJECT_ORIENTATION) < 1e-6


def test_a_hidden_fingertip_keeps_its_last_position_and_ages() -> None:
    """Protects the behaviour the policy is trained with (appendix C.2): a lost marker stays where it was."""
    tracker = MarkerTracker(LAYOUT)
    tracker.update(1.0, frame())
    tracker.update(1.5, frame(FINGERTIPS + 0.01, hidden=(2,)))
    np.testing.assert_array_equal(tracker.tracked, [True, True, False, True, True])
    np.testing.assert_allclose(tracker.age, [0.0, 0.0, 0.5, 0.0, 0.0])
    np.testing.assert_allclose(tracker.fingertips[2], FINGERTIPS[2], atol=1e-9)
    np.testing.assert_allclose(tracker.fingertips[3], FINGERTIPS[3] + 0.01, atol=1e-9)


def test_a_fingertip_never_seen_is_nan_and_infinitely_old() -> None:
    """Protects against a made-up position."""
    tracker = MarkerTracker(LAYOUT)
    tracker.update(1.0, frame(hidden=(4,)))
    assert np.isnan(tracker.fingertips[4]).all()
    assert np.isinf(tracker.age[4])


def test_a_nan_marker_counts_as_hidden() -> None:
    """Protects everything downstream from NaN."""
    tracker = MarkerTracker(LAYOUT)
    tracker.update(1.0, [*frame(hidden=(0, 20)), (0, np.nan, 0.0, 0.0), (20, np.inf, 0.0, 0.0)])
    assert not tracker.tracked[0]
    assert tracker.object is not None


def test_no_hand_frame_without_three_base_markers() -> None:
    """Protects against positions in a guessed frame."""
    tracker = MarkerTracker(LAYOUT)
    tracker.update(1.0, frame(hidden=(10, 11)))
    assert tracker.base is None
    assert not tracker.tracked.any()
    assert tracker.object is None


def test_the_base_is_remembered_while_hidden() -> None:
    """Protects the run when a person's arm hides the forearm's markers: it does not move."""
    tracker = MarkerTracker(LAYOUT)
    tracker.update(1.0, frame())
    tracker.update(1.1, frame(hidden=tuple(LAYOUT.base_ids)))
    assert tracker.tracked.all()


def test_averaging_the_base_keeps_its_noise_from_the_fingertips() -> None:
    """Protects the fingertips, which are 40 cm away from base markers 8 cm apart."""

    def error(memory: float) -> float:
        tracker = MarkerTracker(LAYOUT, base_memory=memory)
        errors = []
        for i in range(400):
            noisy = frame(noise=1e-4, seed=i)
            exact = {marker: where for marker, *where in frame() if marker < 5}
            tracker.update(0.008 * i, [(m, *exact.get(m, where)) for m, *where in noisy])
            errors.append(np.linalg.norm(tracker.fingertips - FINGERTIPS, axis=1).max())
        return float(np.mean(errors[-100:]))

    assert error(1.0) < 0.3 * error(0.008)


def test_a_base_that_was_moved_is_followed_at_once() -> None:
    """Protects against minutes of wrong fingertips after somebody bumps into the hand."""
    tracker = MarkerTracker(LAYOUT)
    for i in range(100):
        tracker.update(0.008 * i, frame())
    shift = np.array([0.02, 0.0, 0.0])
    tracker.update(0.8, [(marker, x + shift[0], y, z) for marker, x, y, z in frame()])
    np.testing.assert_allclose(tracker.fingertips, FINGERTIPS, atol=1e-9)


def test_a_base_that_drifts_is_followed_as_if_it_were_located_in_every_frame() -> None:
    """Protects the fingertips from what is left out: the base is located 25 times in its memory of a second."""
    now_and_then, always = MarkerTracker(LAYOUT), MarkerTracker(LAYOUT)
    always._base_period = 0.0
    far = []
    for i in range(400):
        seen = [(marker, x + 2e-3 * 0.008 * i, y, z) for marker, x, y, z in frame(noise=5e-4, seed=i)]
        for tracker in (now_and_then, always):
            tracker.update(0.008 * i, seen)
        far.append(np.linalg.norm(now_and_then.fingertips - always.fingertips, axis=1).max())
    assert 0.0 < max(far) < 1e-3
    assert np.mean(far[125:]) < 1.5e-4


def run(frames: list[list[tuple[int, float, float, float]]], **settings: float) -> list[MarkerTracker]:
    """What the tracker knew after each of these frames, 8 ms apart."""
    tracker = MarkerTracker(LAYOUT, **settings)
    known = []
    for i, markers in enumerate(frames):
        tracker.update(0.008 * i, markers)
        known.append(copy.deepcopy(tracker))
    return known


def swap(markers: list[tuple[int, float, float, float]], *pair: int) -> list[tuple[int, float, float, float]]:
    """The same with two labels exchanged."""
    return [(pair[1 - pair.index(marker)] if marker in pair else marker, *where) for marker, *where in markers]


def test_swapped_object_markers_are_left_out() -> None:
    """Protects the pose from two swapped LEDs, even in the first frame; with too few left there is none."""
    tracker = MarkerTracker(LAYOUT)
    tracker.update(1.0, swap(frame(), 20, 21))
    assert tracker.object is not None
    assert quaternion.difference_angle(tracker.object.quaternion, OBJECT_ORIENTATION) < 1e-6
    tracker = MarkerTracker(LAYOUT)
    tracker.update(1.0, swap(frame(hidden=(24, 25)), 20, 21))
    assert tracker.object is None


def test_swapped_object_markers_of_which_three_are_seen_do_not_flip_the_object() -> None:
    """Protects against a half turn: three corners of a cube fit with two of them exchanged, turned over."""
    three = frame(hidden=(23, 24, 25))
    before, after = run([three, swap(three, 20, 21)])
    assert before.object is not None
    assert after.object is None
    assert after.rejected == 2


@pytest.mark.parametrize("pair", [(0, 1), (0, 3), (2, 20), (4, 13)])
def test_swapped_markers_are_not_believed(pair: tuple[int, int]) -> None:
    """Protects the fingertips: those whose labels are exchanged stay where they were, and say that they are old."""
    close = FINGERTIPS.copy()
    close[1] = close[0] + [0.014, 0.0, 0.0]  # nearer than any speed could tell
    frames = [frame(close)] * 3
    frames[2] = swap(frames[2], *pair)
    *_, last = run(frames)
    np.testing.assert_allclose(last.fingertips, close, atol=1e-9)
    assert [i for i in range(5) if not last.tracked[i]] == [i for i in pair if i < 5]
    assert last.object is not None
    assert last.rejected >= 1


def test_a_reflection_is_not_believed_until_it_stays() -> None:
    """Protects against a marker seen in the wrong place for a moment, and the run after a hidden hand has moved on."""
    far = FINGERTIPS.copy()
    far[2] += [0.0, 0.7, 0.0]
    known = run([frame()] * 2 + [frame(far)] * 40)
    np.testing.assert_allclose(known[3].fingertips, FINGERTIPS, atol=1e-9)
    assert known[3].age[2] == pytest.approx(0.016)
    believed = next(i for i, tracker in enumerate(known) if i > 2 and tracker.tracked[2])
    assert 0.008 * believed == pytest.approx(0.008 + 0.2, abs=0.01)
    np.testing.assert_allclose(known[-1].fingertips, far, atol=1e-9)


def test_quick_fingers_are_believed() -> None:
    """Protects fast motion from being taken for jumps: 2 m/s, and a finger that was hidden while it moved."""
    frames = [frame(FINGERTIPS + np.array([0.0, 0.0, 0.016 * i])) for i in range(10)]
    assert all(tracker.tracked.all() for tracker in run(frames))
    hidden = [frame(), *[frame(hidden=(1,))] * 5, frame(FINGERTIPS + np.array([0.0, 0.08, 0.0]))]
    assert run(hidden)[-1].tracked[1]


def test_doubt_can_be_switched_off() -> None:
    """Protects simulation, whose operator moves hand and object from one place to another in no time."""
    before, after = run([frame(), frame(FINGERTIPS + 0.2)], max_speed=0.0)
    np.testing.assert_allclose(after.fingertips - before.fingertips, 0.2)
    assert after.tracked.all()


def test_a_stream_of_noise_drop_outs_and_swaps_gives_good_positions() -> None:
    """Protects the whole: 10 s of 5 moving fingertips and a turning object with 20 µm of noise (appendix B.2), markers
    lost for up to a second, and every tenth frame with two labels exchanged or a reflection."""
    random = np.random.default_rng(0)
    tracker = MarkerTracker(LAYOUT)
    lost_until = np.full(26, -1.0)
    errors, angles, ages = [], [], []
    for i in range(1250):
        now = 0.008 * i
        tips = FINGERTIPS + 0.03 * np.sin(4.0 * now + np.arange(5))[:, None] * [0.2, 1.0, 0.6]
        turned = quaternion.from_rotation_vector(np.array([0.0, 0.0, 3.0 * now]))
        on_object = quaternion.rotate(turned, OBJECT) + OBJECT_POSITION
        points = quaternion.rotate(HAND_ORIENTATION, np.concatenate([tips, BASE, on_object])) + HAND_POSITION
        points = points + 2e-5 * random.standard_normal(points.shape)
        ids = [*LAYOUT.fingertip_ids, *LAYOUT.base_ids, *LAYOUT.object_ids]
        for marker in ids:
            if now > lost_until[marker] and random.random() < 0.2 * 0.008:  # 0.2 per second, as in appendix C.2
                lost_until[marker] = now + random.uniform(0.1, 1.0)
        if i % 10 == 5:
            a, b = random.choice(len(ids), 2, replace=False)
            ids[a], ids[b] = ids[b], ids[a]
        if i % 10 == 9:
            points[random.integers(len(ids))] += random.normal(size=3)
        visible = [(m, *p) for m, p in zip(ids, points.tolist(), strict=True) if now > lost_until[m]]
        tracker.update(now, visible)
        fresh = tracker.tracked
        errors += np.linalg.norm(tracker.fingertips - tips, axis=1)[fresh].tolist()
        ages.append(tracker.age.max())
        if tracker.object is not None:
            angles.append(float(quaternion.difference_angle(tracker.object.quaternion, turned)))
    assert len(errors) > 0.8 * 5 * 1250
    assert len(angles) > 0.95 * 1250
    assert np.max(errors) < 0.001
    assert np.max(angles) < 0.01
    assert np.max(ages) < 1.3


def test_two_object_markers_give_no_pose() -> None:
    """Protects against a pose that two points cannot give."""
    tracker = MarkerTracker(LAYOUT)
    tracker.update(1.0, frame(hidden=(20, 21, 22, 23)))
    assert tracker.object is None


def test_a_clock_that_restarts_starts_afresh() -> None:
    """Protects a tracker that outlives a simulation: readings of the old one would stay young for ever."""
    tracker = MarkerTracker(LAYOUT)
    tracker.update(100.0, frame())
    tracker.update(1.0, frame(hidden=(0,)))
    assert np.isinf(tracker.age[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"base_ids": (0, 11, 12, 13)}, "must differ"),
        ({"base_positions": BASE[:3]}, "4 base markers need as many positions"),
        ({"object_positions": np.zeros((6, 3))}, "on one line"),
    ],
)
def test_a_layout_that_cannot_work_is_refused(change: dict[str, object], message: str) -> None:
    """Protects a lab from a typing error in the marker table."""
    values = {name: getattr(LAYOUT, name) for name in LAYOUT.__dataclass_fields__} | change
    with pytest.raises(DactylError, match=message):
        MarkerLayout(**values)


@pytest.mark.slow
@pytest.mark.parametrize("disturbed", [False, True], ids=["clean", "swapped"])
def test_cost_of_a_frame(disturbed: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the rate, 960 frames a second at most, 240 with markers exchanged all the time; says what one costs."""
    frames = [frame(noise=2e-5, seed=i) for i in range(100)]
    if disturbed:
        frames = [swap(markers, 0, 1) if i % 2 else swap(markers, 20, 21) for i, markers in enumerate(frames)]
    tracker = MarkerTracker(LAYOUT)
    costs = []
    for i in range(3000):
        begin = time.thread_time()
        tracker.update(i / 960, frames[i % 100])
        costs.append(1e6 * (time.thread_time() - begin))
    with capsys.disabled():
        p50, p99 = np.percentile(costs, [50, 99])
        print(f"  marker tracker: {p50:.0f} µs a frame (p50), {p99:.0f} µs (p99)")
    assert p50 < 1e6 / (240 if disturbed else 960)
