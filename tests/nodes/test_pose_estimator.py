"""The pose estimator node: a pose for three good images of one moment, and otherwise none."""

from __future__ import annotations

import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import Image

from dactyl.errors import DactylError
from dactyl.nodes.pose_estimator import PoseEstimator
from dactyl.ros import messages
from dactyl.vision.certainty import Doubt
from dactyl.vision.estimator import Contract, Estimator
from tests.vision.conftest import TINY

PERIOD_NS = 80_000_000


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """An estimator whose answer does not depend on the images, and is sure of itself."""
    torch.manual_seed(0)
    estimator = Estimator(Contract(architecture=TINY, position_mean=(0.0, -0.05, 0.35), position_scale=0.02))
    head = estimator.network.head
    with torch.no_grad():
        head.weight.zero_()
        head.bias[:3] = 0.0
        head.bias[3:] = torch.eye(3).flatten()
    path = tmp_path / "estimator.safetensors"
    estimator.save(path)
    return path


class Rig:
    """A node and what its three cameras send."""

    def __init__(self, node: PoseEstimator, recorder: Any) -> None:
        self.node, self.random = node, np.random.default_rng(0)
        node.publisher = recorder
        self.poses = recorder.messages

    def send(self, tick: int, **special: np.ndarray | None) -> None:
        """Noise from every camera at a tick, or what is given for one; None: nothing."""
        for index in range(3):
            name = f"camera_{index}"
            pixels = special.get(name, self.random.integers(0, 255, (120, 160, 3), np.uint8))
            if pixels is not None:
                self.node.on_image(index, name, message(pixels, tick * PERIOD_NS))


def message(pixels: np.ndarray, stamp_ns: int, encoding: str = "rgb8") -> Image:
    height, width = pixels.shape[:2]
    image = Image(height=height, width=width, step=3 * width, encoding=encoding)
    image.data = array.array("B", pixels.tobytes())
    messages.set_stamp(image.header.stamp, stamp_ns)
    return image


@pytest.fixture
def start(make_node: Callable[..., PoseEstimator], recorder: Callable[[], Any], weights: Path) -> Callable[..., Rig]:
    return lambda **parameters: Rig(make_node(PoseEstimator, weights=weights, **parameters), recorder())


def test_three_images_give_one_pose_with_their_stamp(start: Callable[..., Rig]) -> None:
    """Protects the control loop in lockstep: the pose carries the tick of the images."""
    rig = start()
    for tick in (1, 2, 3):
        rig.send(tick)
    assert [messages.nanoseconds(pose.header.stamp) for pose in rig.poses] == [PERIOD_NS, 2 * PERIOD_NS, 3 * PERIOD_NS]
    np.testing.assert_allclose(messages.position(rig.poses[0].pose), [0.0, -0.05, 0.35], atol=1e-6)
    np.testing.assert_allclose(messages.orientation(rig.poses[0].pose.orientation), [1, 0, 0, 0], atol=1e-6)
    diagnosis = rig.node.diagnose()
    assert diagnosis.level == DiagnosticStatus.OK
    assert diagnosis.values["poses"] == 3
    assert diagnosis.values["inference p99 (ms)"] > 0.0
    assert "latency from image stamp p99 (ms)" in diagnosis.values


def test_images_sent_again_give_the_pose_again(start: Callable[..., Rig]) -> None:
    """Protects lockstep where a message was lost: the simulator sends again until it is answered."""
    rig = start()
    rig.send(1)
    rig.send(1)
    assert len(rig.poses) == 2
    assert rig.poses[0] == rig.poses[1]
    assert rig.node.poses == 1


@pytest.mark.parametrize(
    ("camera_1", "fault"),
    [
        (None, "no images from camera_1"),
        (np.zeros((120, 160, 3), np.uint8), "camera_1: the image shows nothing"),
        (np.full((120, 160, 3), 255, np.uint8), "camera_1: the image shows nothing"),
        (np.random.default_rng(1).integers(0, 255, (160, 160, 3), np.uint8), "is not 4 : 3"),
        (np.random.default_rng(1).integers(0, 255, (30, 40, 3), np.uint8), "too small"),
    ],
    ids=["missing", "black", "white", "wrong shape", "wrong size"],
)
def test_a_bad_camera_withholds_the_pose_and_is_reported(
    start: Callable[..., Rig], camera_1: np.ndarray | None, fault: str
) -> None:
    """Protects the hand: no pose is better than one made of two images."""
    rig = start()
    for tick in (1, 2, 3):
        rig.send(tick, camera_1=camera_1)
    assert rig.poses == []
    diagnosis = rig.node.diagnose()
    assert diagnosis.level == DiagnosticStatus.WARN
    assert fault in diagnosis.message
    rig.send(4)
    assert len(rig.poses) == 1, "good images make it well again"
    assert rig.node.diagnose().level == DiagnosticStatus.OK


def test_a_frozen_camera_withholds_the_pose(start: Callable[..., Rig]) -> None:
    """Protects from a driver that repeats its last image with new stamps."""
    rig = start(frozen_after=2)
    still = rig.random.integers(0, 255, (120, 160, 3), np.uint8)
    for tick in range(1, 6):
        rig.send(tick, camera_2=still)
    assert len(rig.poses) == 2
    assert "camera_2: the image is frozen" in rig.node.diagnose().message


def test_stale_images_give_no_pose(start: Callable[..., Rig]) -> None:
    """Protects from poses of two moments."""
    rig = start()
    lagging = rig.random.integers(0, 255, (120, 160, 3), np.uint8)
    for tick in range(2, 5):
        rig.send(tick, camera_0=None)
        rig.node.on_image(0, "camera_0", message(lagging + tick, (tick - 1) * PERIOD_NS))
    assert rig.poses == []


def test_a_pose_the_network_is_not_sure_of_is_withheld(start: Callable[..., Rig]) -> None:
    """Protects from guesses, as when the object is hidden or gone."""
    rig = start()
    with torch.no_grad():
        assert rig.node.estimator is not None
        rig.node.estimator.network.head.bias[3:] *= 0.2
    rig.send(1)
    assert rig.poses == []
    assert "do not show clearly" in rig.node.diagnose().message
    assert rig.node.diagnose().values["withheld, not sure enough"] == 1


def test_other_encodings(start: Callable[..., Rig]) -> None:
    """Protects colours, which tell the faces apart: BGR is turned, anything else refused."""
    rig = start()
    pixels = rig.random.integers(0, 255, (120, 160, 3), np.uint8)
    seen: list[np.ndarray] = []
    rig.node.synchronizer.add = lambda index, stamp, image: seen.append(image)  # type: ignore[assignment, func-returns-value]
    rig.node.on_image(0, "camera_0", message(pixels[..., ::-1], 1, "bgr8"))
    np.testing.assert_array_equal(seen[0], pixels)
    rig.node.on_image(0, "camera_0", message(pixels, 2, "mono8"))
    cut_short = message(pixels, 3)
    cut_short.data = cut_short.data[:100]
    rig.node.on_image(0, "camera_0", cut_short)
    assert [image.shape for image in seen[1:]] == [(0,), (0,)]


def test_calibrated_cameras_are_where_their_files_say(make_node: Callable[..., PoseEstimator], tmp_path: Path) -> None:
    """Protects a lab's cameras, which are never quite where they should be."""
    torch.manual_seed(0)
    path = tmp_path / "solved.safetensors"
    Estimator(Contract(architecture=replace(TINY, head="adjustment"))).save(path)
    for index in range(3):
        (tmp_path / f"camera_{index}.yaml").write_text(
            f"pose_in_hand: {{position: [0.{index}, -0.4, 0.5], quaternion: [1.0, 0.0, 0.0, 0.0]}}"
        )
    node = make_node(PoseEstimator, weights=path, calibration=tmp_path)
    assert node.estimator is not None
    adjustment = node.estimator.network.adjustment
    assert adjustment is not None
    np.testing.assert_allclose(adjustment.offsets, [[-0.1 * index, 0.4, -0.5] for index in range(3)], atol=1e-6)


def test_a_calibration_without_a_place_is_refused(
    make_node: Callable[..., PoseEstimator], weights: Path, tmp_path: Path
) -> None:
    """Protects from half a calibration: intrinsics alone do not say where a camera is."""
    (tmp_path / "camera_0.yaml").write_text("image_width: 640")
    with pytest.raises(DactylError, match=r"camera_0.yaml has no place"):
        make_node(PoseEstimator, weights=weights, calibration=tmp_path)


def test_places_are_only_for_a_network_that_takes_them(
    make_node: Callable[..., PoseEstimator], weights: Path, tmp_path: Path
) -> None:
    """Protects from a calibration that is silently not used."""
    for index in range(3):
        (tmp_path / f"camera_{index}.yaml").write_text(
            "pose_in_hand: {position: [0.0, 0.0, 0.5], quaternion: [1.0, 0.0, 0.0, 0.0]}"
        )
    with pytest.raises(DactylError, match="takes no camera places"):
        make_node(PoseEstimator, weights=weights, calibration=tmp_path)


def test_without_a_network_nothing_is_rendered_for_it(make_node: Callable[..., PoseEstimator]) -> None:
    """Protects runs on motion capture: no subscription, so cameras cost nothing."""
    node = make_node(PoseEstimator)
    topics = [name for name, _ in node.get_subscriber_names_and_types_by_node(node.get_name(), node.get_namespace())]
    assert not any("image" in topic for topic in topics)
    assert node.diagnose().message == "no network: no poses from images"


def test_a_wrong_file_is_refused_at_the_start(make_node: Callable[..., PoseEstimator], weights: Path) -> None:
    """Protects from starting with another object's network."""
    with pytest.raises(DactylError, match="trained for the object block, not sphere"):
        make_node(PoseEstimator, weights=weights, object="sphere")


def state_errors(rig: Rig, degrees: float, millimetres: float, disagreement: list[float] | None = None) -> None:
    """From now on the network expects to be so far off, and its cameras to disagree so much."""
    estimator = rig.node.estimator
    assert estimator is not None
    plain = Estimator.estimate
    apart = None if disagreement is None else np.array([disagreement])
    doubt = Doubt(np.array([degrees]), np.array([millimetres]), apart)
    estimator.estimate = lambda pictures: plain(estimator, pictures)._replace(doubt=doubt)  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("degrees", "millimetres", "published"),
    [(5.0, 3.0, True), (21.0, 3.0, False), (5.0, 16.0, False), (float("nan"), 3.0, False), (5.0, float("nan"), False)],
)
def test_a_pose_is_withheld_by_its_stated_error(
    start: Callable[..., Rig], degrees: float, millimetres: float, published: bool
) -> None:
    """Protects the hand from answers that the network itself expects to be wrong, and from doubts that are NaN."""
    rig = start(max_degrees=20.0, max_millimetres=15.0)
    state_errors(rig, degrees, millimetres)
    rig.send(1)
    assert bool(rig.poses) == published
    diagnosis = rig.node.diagnose()
    assert (diagnosis.level == DiagnosticStatus.OK) == published
    if np.isfinite(degrees):
        assert diagnosis.values["stated error (deg)"] == degrees


@pytest.mark.parametrize(("limit", "published"), [(2.0, False), (4.0, True), (0.0, True)])
def test_a_camera_that_does_not_fit_the_others_is_named(
    start: Callable[..., Rig], limit: float, published: bool
) -> None:
    """Protects from one image of another moment, which no check of the image alone can tell."""
    rig = start(max_disagreement=limit)
    state_errors(rig, 5.0, 3.0, [0.4, 3.0, 0.9])
    rig.send(1)
    assert bool(rig.poses) == published
    if not published:
        assert rig.node.diagnose().message.startswith("camera_1 does not fit the others")
        (reason,) = rig.node.withheld
        assert reason.startswith("camera_1")


def test_short_gaps_are_bridged_and_counted(start: Callable[..., Rig]) -> None:
    """Protects the policy's pace: two moments are bridged, with their own stamps, the third is not."""
    rig = start(bridge=0.16)
    rig.send(1)
    rig.send(2)
    state_errors(rig, 90.0, 3.0)
    for tick in (3, 4, 5):
        rig.send(tick)
    assert [messages.nanoseconds(pose.header.stamp) // PERIOD_NS for pose in rig.poses] == [1, 2, 3, 4]
    values = rig.node.diagnose().values
    assert (values["poses"], values["bridged"], values["withheld, not sure enough"]) == (2, 2, 3)
    np.testing.assert_allclose(messages.position(rig.poses[-1].pose), [0.0, -0.05, 0.35], atol=1e-6)


def test_a_covered_camera_is_bridged_too(start: Callable[..., Rig]) -> None:
    rig = start(bridge=0.1)
    rig.send(1)
    for tick in (2, 3):
        rig.send(tick, camera_1=np.zeros((120, 160, 3), np.uint8))
    assert [messages.nanoseconds(pose.header.stamp) // PERIOD_NS for pose in rig.poses] == [1, 2]
    assert rig.node.diagnose().level == DiagnosticStatus.WARN, "what is bridged is no good image"
