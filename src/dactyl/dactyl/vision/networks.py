"""The network of Figure 6 and Table 12: a tower for each camera, shared weights, spatial softmax, two dense layers.

With the head "adjustment" the dense layers correct a pose that is solved for, see `adjustment`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor, nn

from dactyl.errors import DactylError
from dactyl.simulation.appearance.cameras import NUM_CAMERAS
from dactyl.vision.adjustment import FIRST_ERROR, Adjustment, Geometry

OUTPUTS = {"quaternion": 4, "matrix": 9}
"""Numbers for the orientation in each representation."""
HEADS = ("dense", "adjustment")
_WEIGHING = 64  # hidden units of what says how exactly points are found


@dataclass(frozen=True)
class PoseArchitecture:
    """Sizes of the network; the defaults are Table 12's but for the strides.

    Table 12 gives all ResNet stages stride 3, which would leave one pixel for the spatial softmax to choose from; here
    the first has it and the maps stay 22 × 22.
    """

    image_size: int = 200
    """Pixels of a side."""
    stem_channels: int = 32
    """Of the two convolutions, 5 × 5 and 3 × 3, before the first block."""
    stem_stride: int = 1
    """Of the first of them."""
    pool: int = 3
    """Size and stride of the max-pooling."""
    channels: tuple[int, ...] = (16, 32, 64, 64)
    blocks: tuple[int, ...] = (1, 2, 2, 2)
    strides: tuple[int, ...] = (3, 1, 1, 1)
    """Of the first block of each ResNet stage."""
    peaks: bool = False
    """Besides where a feature is, pass on how strongly it is seen: a face that is hidden is nowhere."""
    dense: int = 128
    rotation: str = "quaternion"
    """quaternion: 4 numbers, Table 12's. matrix: 9, of which the nearest rotation is taken; continuous everywhere, and
    linear in where faces are seen, so that it is learned from fewer images."""
    head: str = "dense"
    """dense: two dense layers, the paper's. adjustment: see there; they only correct it. For towers with a hint."""
    rigid_steps: int = 0
    """Steps of the head adjustment that keep the object rigid."""

    def __post_init__(self) -> None:
        for name in ("channels", "blocks", "strides"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not len(self.channels) == len(self.blocks) == len(self.strides) > 0:
            raise DactylError("channels, blocks and strides must have one number for each ResNet stage")
        single = (self.image_size, self.stem_channels, self.stem_stride, self.pool, self.dense)
        sizes = (*single, *self.channels, *self.blocks, *self.strides)
        if not all(isinstance(size, int) and size > 0 for size in sizes):
            raise DactylError(f"the sizes of a network must be whole numbers of at least 1: {self}")
        if self.rotation not in OUTPUTS:
            raise DactylError(f"unknown rotation {self.rotation!r}: choose from {', '.join(OUTPUTS)}")
        if self.head not in HEADS:
            raise DactylError(f"unknown head {self.head!r}: choose from {', '.join(HEADS)}")
        if not isinstance(self.rigid_steps, int) or self.rigid_steps < 0 or (self.rigid_steps and self.head == "dense"):
            raise DactylError(f"rigid_steps {self.rigid_steps}: a whole number, and 0 but for the head adjustment")
        if self.head == "adjustment" and self.rotation != "matrix":
            raise DactylError("the head adjustment solves for a matrix: set rotation: matrix")
        if self.map_size < 3:
            raise DactylError(f"{self.image_size} pixels are too few: the last maps would be {self.map_size} wide")

    @property
    def map_size(self) -> int:
        """Side of the maps that the spatial softmax sees."""
        side = (self.image_size - 5) // self.stem_stride + 1 - 2
        side = (side - self.pool) // self.pool + 1
        for stride in self.strides:
            side = (side - 1) // stride + 1
        return side

    @property
    def outputs(self) -> int:
        return 3 + OUTPUTS[self.rotation]


class Block(nn.Module):
    """A ResNet block: two 3 × 3 convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.first_norm(self.first(x)))
        return torch.relu(self.second_norm(self.second(y)) + self.shortcut(x))


class SpatialSoftmax(nn.Module):
    """Where each channel is strongest, softly: maps (n, channels, side, side) -> (n, 2 or 3, channels).

    Coordinates to the right and down, -1…1 across the picture, and with `peaks` the channel's softly largest value.
    """

    def __init__(self, side: int, peaks: bool) -> None:
        super().__init__()
        self.peaks = peaks
        middles = (2.0 * torch.arange(side) + 1.0) / side - 1.0
        self.places: Tensor
        self.register_buffer("places", middles, persistent=False)
        self.log_temperature = nn.Parameter(torch.ones(()))

    def forward(self, maps: Tensor) -> Tensor:
        maps = maps.float()
        weights = torch.softmax((maps * self.log_temperature.exp()).flatten(2), -1).view_as(maps)
        x, y = (weights.sum(2) * self.places).sum(-1), (weights.sum(3) * self.places).sum(-1)
        return torch.stack([x, y, (weights * maps).sum((2, 3))] if self.peaks else [x, y], 1)


class PoseNetwork(nn.Module):
    """Normalized images (n, cameras, 3, size, size) -> (n, outputs): normalized position, then orientation."""

    def __init__(self, architecture: PoseArchitecture, geometry: Geometry | None = None) -> None:
        """With random weights from torch's global generator.

        Args:
            architecture: sizes.
            geometry: what the head "adjustment" knows.

        Raises:
            DactylError: towers have fewer channels than that has points.
        """
        super().__init__()
        stem, layers = architecture.stem_channels, list[nn.Module]()
        for inputs, kernel, stride in ((3, 5, architecture.stem_stride), (stem, 3, 1)):
            layers += [nn.Conv2d(inputs, stem, kernel, stride, bias=False), nn.BatchNorm2d(stem), nn.ReLU()]
        layers.append(nn.MaxPool2d(architecture.pool))
        width = stem
        stages = zip(architecture.channels, architecture.blocks, architecture.strides, strict=True)
        for channels, blocks, stride in stages:
            for i in range(blocks):
                layers.append(Block(width, channels, stride if i == 0 else 1))
                width = channels
        self.tower = nn.Sequential(*layers)
        self.where = SpatialSoftmax(architecture.map_size, architecture.peaks)
        of_camera = width * (3 if architecture.peaks else 2)
        features = NUM_CAMERAS * of_camera
        self.adjustment: Adjustment | None = None
        if architecture.head == "adjustment":
            if geometry is None or geometry.count > width:
                wanted = "no points" if geometry is None else f"{geometry.count} points"
                raise DactylError(f"the head adjustment is given {wanted}, the towers have {width} channels")
            self.adjustment = Adjustment(geometry, architecture.rigid_steps)
            self.weighing = nn.Sequential(
                nn.Linear(of_camera, _WEIGHING), nn.ReLU(), nn.Linear(_WEIGHING, geometry.count)
            )
            self.points = geometry.count
            features += self.adjustment.unknowns
        self.hidden = nn.Linear(features, architecture.dense)
        self.head = nn.Linear(architecture.dense, architecture.outputs)
        if self.adjustment is not None:
            nn.init.zeros_(self.head.weight)
            nn.init.zeros_(self.head.bias)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def features(self, images: Tensor) -> Tensor:
        """(n, cameras, 3, size, size) -> (n, cameras, 2 or 3, channels), see `SpatialSoftmax`."""
        maps = self.tower(images.flatten(0, 1).contiguous(memory_format=torch.channels_last))
        with torch.autocast(maps.device.type, enabled=False):
            return self.where(maps).unflatten(0, images.shape[:2])

    def log_weights(self, features: Tensor) -> Tensor:
        """How exactly a network with the head "adjustment" takes its points to be found, see `Adjustment.forward`."""
        with torch.autocast(features.device.type, enabled=False):
            return self.weighing(features.flatten(2)) - 2.0 * log(FIRST_ERROR)

    def pose(self, features: Tensor) -> Tensor:
        """What `features` gives -> (n, outputs)."""
        with torch.autocast(features.device.type, enabled=False):
            if self.adjustment is None:
                return self.head(torch.relu(self.hidden(features.flatten(1))))
            found = keypoints_found(features, self.points)
            solved, cameras = self.adjustment(found, self.log_weights(features))
            known = torch.cat([features.flatten(1), solved, cameras], 1)
            return solved + self.head(torch.relu(self.hidden(known)))

    def forward(self, images: Tensor) -> Tensor:
        return self.pose(self.features(images))


def keypoints_found(features: Tensor, number: int) -> Tensor:
    """Where towers trained with `pose.keypoint_loss` find points, (n, cameras, number, 2), -1…1 across the picture.

    Args:
        features: (n, cameras, 2 or 3, channels) of the network.
        number: at most as many as channels.
    """
    return features[:, :, :2, :number].transpose(2, 3)
