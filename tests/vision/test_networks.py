"""The network of Figure 6."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from dactyl.errors import DactylError
from dactyl.vision.estimator import Contract, Estimator
from dactyl.vision.networks import PoseArchitecture, PoseNetwork, SpatialSoftmax, keypoints_found
from tests.vision.conftest import TINY


def test_the_paper_s_network_has_its_sizes() -> None:
    """Protects Table 12: 200 × 200 RGB, 32 filters 5 × 5 and 3 × 3, four stages, 128 units, 3 + 4 outputs."""
    network = PoseNetwork(PoseArchitecture())
    weights = {name: tuple(tensor.shape) for name, tensor in network.named_parameters()}
    assert weights["tower.0.weight"] == (32, 3, 5, 5)
    assert weights["tower.3.weight"] == (32, 32, 3, 3)
    blocks = [shape for name, shape in weights.items() if name.endswith("second.weight")]
    assert [shape[0] for shape in blocks] == [16, 32, 32, 64, 64, 64, 64]
    assert weights["hidden.weight"] == (128, 3 * 64 * 2)
    assert weights["head.weight"] == (7, 128)
    network.eval()
    assert network(torch.zeros(1, 3, 3, 200, 200)).shape == (1, 7)


def test_cameras_share_their_weights_and_keep_their_order() -> None:
    """Protects the towers: the same image gives the same features in every place, the pose depends on the place."""
    torch.manual_seed(0)
    network = PoseNetwork(TINY).eval()
    images = torch.randn(1, 3, 3, 48, 48)
    features, swapped = network.features(images), network.features(images[:, [1, 0, 2]])
    torch.testing.assert_close(features[:, [1, 0, 2]], swapped)
    assert (network.pose(features) - network.pose(swapped)).abs().max() > 1e-4


def test_spatial_softmax_says_where_and_how_much() -> None:
    """Protects the coordinates' meaning: right and down, the borders of the picture at ±1."""
    softmax = SpatialSoftmax(11, peaks=True)
    maps = torch.zeros(1, 2, 11, 11)
    maps[0, 0, 2, 8] = 40.0
    x, y, peak = softmax(maps)[0, :, 0]
    torch.testing.assert_close(x, torch.tensor((2 * 8 + 1) / 11 - 1))
    torch.testing.assert_close(y, torch.tensor((2 * 2 + 1) / 11 - 1))
    torch.testing.assert_close(peak, torch.tensor(40.0))
    torch.testing.assert_close(softmax(maps)[0, :2, 1], torch.zeros(2), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strides": (3, 3, 3, 3)}, "the last maps would be 1 wide"),
        ({"blocks": (1, 2)}, "one number for each ResNet stage"),
        ({"rotation": "euler"}, "unknown rotation 'euler'"),
        ({"dense": 0}, "whole numbers of at least 1"),
        ({"head": "guess"}, "unknown head 'guess'"),
        ({"head": "adjustment"}, "set rotation: matrix"),
    ],
)
def test_networks_that_cannot_be_are_refused(changes: dict[str, object], message: str) -> None:
    """Protects presets and files from nonsense; Table 12's strides as printed leave nothing to see."""
    with pytest.raises(DactylError, match=message):
        PoseArchitecture(**changes)  # type: ignore[arg-type]


def test_too_few_channels_for_the_points_are_refused() -> None:
    """Protects from points that no tower finds."""
    with pytest.raises(DactylError, match="is given 22 points, the towers have 16 channels"):
        Estimator(Contract(architecture=replace(TINY, channels=(8, 16), head="adjustment")))


def test_an_untrained_correction_leaves_what_was_solved_for() -> None:
    """Protects the head "adjustment": dense layers begin with no correction, so training begins from geometry."""
    torch.manual_seed(0)
    network = Estimator(Contract(architecture=replace(TINY, head="adjustment"))).network.eval()
    assert network.adjustment is not None
    features = network.features(torch.randn(2, 3, 3, 48, 48))
    solved, _ = network.adjustment(keypoints_found(features, 22), network.log_weights(features))
    torch.testing.assert_close(network.pose(features), solved)
