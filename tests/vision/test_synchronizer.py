"""Images that show nothing, or nothing new, never reach the network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from dactyl.vision.images import cut
from dactyl.vision.synchronizer import Synchronizer, Triple

NAMES = ("camera_0", "camera_1", "camera_2")
TICK = 80_000_000


@pytest.fixture
def synchronizer() -> Synchronizer:
    return Synchronizer(NAMES, lambda image: cut(image, 0.7, 48), 20_000_000, frozen_after=3, sensor_noise=True)


@pytest.fixture
def image() -> Callable[[], np.ndarray]:
    random = np.random.default_rng(0)
    return lambda: random.integers(0, 255, (240, 320, 3), np.uint8)


def test_images_of_one_moment_come_together_in_any_order(
    synchronizer: Synchronizer, image: Callable[[], np.ndarray]
) -> None:
    """Protects the pose's stamp and the order of the cameras."""
    images = [image() for _ in NAMES]
    assert synchronizer.add(2, TICK, images[2]) is None
    assert synchronizer.add(0, TICK + 3_000_000, images[0]) is None
    triple = synchronizer.add(1, TICK + 1_000_000, images[1])
    assert isinstance(triple, Triple)
    assert triple.stamp_ns == TICK
    for picture, whole in zip(triple.pictures, images, strict=True):
        np.testing.assert_array_equal(picture, cut(whole, 0.7, 48))
    assert synchronizer.faults == {}
    assert synchronizer.add(1, TICK + 1_000_000, images[1]) is None, "sent again"


def test_images_of_different_moments_give_no_pose(synchronizer: Synchronizer, image: Callable[[], np.ndarray]) -> None:
    """Protects from poses made of two moments when images get lost or a camera lags."""
    for tick in range(1, 4):
        assert synchronizer.add(0, tick * TICK, image()) is None
        assert synchronizer.add(1, tick * TICK, image()) is None
        assert synchronizer.add(2, (tick - 1) * TICK + 1, image()) is None
    assert synchronizer.add(2, 3 * TICK, image()) is not None


def test_a_missing_camera_gives_no_pose(synchronizer: Synchronizer, image: Callable[[], np.ndarray]) -> None:
    """Protects from two-eyed guesses."""
    for tick in range(1, 10):
        assert synchronizer.add(0, tick * TICK, image()) is None
        assert synchronizer.add(2, tick * TICK, image()) is None
    assert synchronizer.faults == {"camera_1": "no image yet"}


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (np.zeros((240, 320, 3), np.uint8), "shows nothing"),
        (np.full((240, 320, 3), 255, np.uint8), "shows nothing"),
        (np.zeros((480, 480, 3), np.uint8), "480 × 480 pixels is not 4 : 3"),
        (np.zeros((30, 40, 3), np.uint8), "too small"),
        (np.zeros((0,), np.uint8), "not RGB"),
    ],
)
def test_bad_images_give_no_pose_and_are_named(
    synchronizer: Synchronizer, image: Callable[[], np.ndarray], bad: np.ndarray, fault: str
) -> None:
    """Protects the hand from a covered lens or another camera's images; good images make it well again."""
    for tick in range(1, 4):
        assert synchronizer.add(0, tick * TICK, image()) is None
        assert synchronizer.add(1, tick * TICK, bad) is None
        assert synchronizer.add(2, tick * TICK, image()) is None
        assert fault in synchronizer.faults["camera_1"]
    triples = [synchronizer.add(index, 4 * TICK, image()) for index in range(3)]
    assert triples[-1] is not None
    assert synchronizer.faults == {}


def test_a_frozen_camera_gives_no_pose(synchronizer: Synchronizer, image: Callable[[], np.ndarray]) -> None:
    """Protects from a driver that sends its last image with new stamps."""
    still = image()
    poses = []
    for tick in range(1, 8):
        triples = [synchronizer.add(i, tick * TICK, still if i == 1 else image()) for i in range(3)]
        poses.append(any(triple is not None for triple in triples))
    assert poses == [True, True, True, False, False, False, False]
    assert "frozen" in synchronizer.faults["camera_1"]


@pytest.mark.parametrize("sensor_noise", [True, False])
def test_all_cameras_frozen(image: Callable[[], np.ndarray], sensor_noise: bool) -> None:
    """Protects real cameras, which never repeat an image; a simulated hand at rest must not be taken for frozen."""
    synchronizer = Synchronizer(NAMES, lambda image: cut(image, 0.7, 48), 0, frozen_after=3, sensor_noise=sensor_noise)
    stills = [image() for _ in NAMES]
    last = [[synchronizer.add(i, tick * TICK, stills[i]) for i in range(3)][-1] for tick in range(1, 8)]
    assert (last[-1] is None) == sensor_noise


def test_a_moment_with_a_bad_image_is_known(synchronizer: Synchronizer, image: Callable[[], np.ndarray]) -> None:
    """Protects bridging: said once, with the moment's stamp, whatever the order; a missing image is no bad one."""
    black = np.zeros((240, 320, 3), np.uint8)
    for order, tick in (((0, 1, 2), 1), ((1, 2, 0), 2)):
        said = []
        for index in order:
            assert synchronizer.add(index, tick * TICK + index, black if index == 1 else image()) is None
            said.append(synchronizer.spoiled_ns)
        assert said == [None, None, tick * TICK]
    assert synchronizer.add(0, 2 * TICK, image()) is None
    assert synchronizer.spoiled_ns is None, "sent again"
    for index in (0, 2):
        assert synchronizer.add(index, 3 * TICK, image()) is None
        assert synchronizer.spoiled_ns is None, "one is missing"
    good = [synchronizer.add(index, 4 * TICK, image()) for index in range(3)]
    assert good[-1] is not None
    assert synchronizer.spoiled_ns is None
