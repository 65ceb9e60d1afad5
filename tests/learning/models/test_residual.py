"""ResNet-18 with GroupNorm: its size, and that no picture looks at another."""

from __future__ import annotations

import torch
from torch import nn

from dactyl.learning.models.residual import FEATURES, ResNet18


def test_it_has_resnet_18s_layers_and_weights() -> None:
    """11.7 M weights less the 0.5 M of its classifier, and 9,408 · 2/3 for one channel in place of three."""
    network = ResNet18(1)
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert len(convolutions) == 20, "17, and three shortcuts"
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    assert sum(weights.numel() for weights in network.parameters()) == 11_176_512 - 2 * 64 * 49


def test_what_a_picture_becomes_does_not_depend_on_those_beside_it() -> None:
    """BatchNorm would let it."""
    torch.manual_seed(0)
    network = ResNet18(1).train()
    pictures = torch.randn(3, 1, 36, 48)
    together = network(pictures)
    assert together.shape == (3, FEATURES)
    torch.testing.assert_close(network(pictures[1:2]), together[1:2], rtol=1e-4, atol=1e-5)
