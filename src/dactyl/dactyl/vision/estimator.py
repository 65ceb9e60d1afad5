"""The pose estimator as one object for training, evaluation and the node, and its file.

An estimator file is safetensors: the network's tensors, and under the metadata key "dactyl" a JSON contract that says
everything a robot needs to run it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite, radians, tan
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dactyl import objects, registry
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.robot import robot as robots
from dactyl.robot.placement import Place, camera_place
from dactyl.storage import weights
from dactyl.vision import agreement, images, keypoints, pose
from dactyl.vision.adjustment import Geometry
from dactyl.vision.certainty import Certainty, Doubt
from dactyl.vision.networks import PoseArchitecture, PoseNetwork, keypoints_found

FORMAT = "dactyl-pose-estimator/1"


@dataclass(frozen=True)
class Contract:
    """What an estimator expects of whoever runs it. The JSON in its file has these keys and `format`."""

    architecture: PoseArchitecture = field(default_factory=PoseArchitecture)
    crop: float = 0.7
    """Side of the square cut from the middle of each camera's image, as a share of the image's height."""
    position_mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Of the object in the robot frame, m: what the network calls zero."""
    position_scale: float = 0.02
    """m: what the network calls one."""
    object: str = "block"
    symmetry: str = "none"
    """See `pose.symmetries`."""
    robot: str = registry.DEFAULTS["robots"]
    cameras: tuple[str, ...] = ()
    """Whose images it takes, in order; at first the robot's."""
    field_of_view: float = 0.0
    """Degrees, of the whole image's height; at first the robot's cameras'."""
    aim: tuple[float, float, float] | None = None
    """m: what these cameras look at, see `Cameras.aim`; at first the robot's."""
    landmarks: tuple[tuple[float, float, float], ...] | None = None
    """m: see `Cameras.landmarks`; at first the robot's."""
    trained: Mapping[str, Any] = field(default_factory=dict)
    """How it was trained, for people; and by which "renderer"."""
    certainty: Certainty | None = None
    """How far off it expects its answers to be; None: nobody has fitted that."""

    def __post_init__(self) -> None:
        own = robots.load(self.robot).cameras
        object.__setattr__(self, "cameras", self.cameras or tuple(own.places))
        object.__setattr__(self, "field_of_view", self.field_of_view or own.fovy)
        object.__setattr__(self, "aim", _three(own.aim) if self.aim is None else self.aim)
        if self.landmarks is None:
            object.__setattr__(self, "landmarks", tuple(_three(landmark) for landmark in own.landmarks))

    @property
    def renderer(self) -> str:
        """That drew the pictures it was trained on. Files that do not say are older than training on any but OpenGL."""
        return str(self.trained.get("renderer", "opengl"))

    @property
    def renderers(self) -> tuple[str, ...]:
        """All that drew pictures it was trained on, the first most of them."""
        also = self.trained.get("also_rendered_by")
        return (self.renderer, str(also)) if also else (self.renderer,)

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT, **asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> Contract:
        """Parse and check a contract; ValueError says what is wrong with it."""
        try:
            values = json.loads(text)
            if values.pop("format") != FORMAT:
                raise ValueError(f"its contract is not in the format {FORMAT}")
            certainty = values.pop("certainty", None)
            contract = cls(
                certainty=None if certainty is None else Certainty.read(certainty),
                architecture=PoseArchitecture(**values.pop("architecture")),
                position_mean=_three(values.pop("position_mean")),
                aim=_three(values.pop("aim", (0.0, 0.0, 0.0))),
                landmarks=tuple(_three(landmark) for landmark in values.pop("landmarks", ())),
                cameras=tuple(values.pop("cameras")),
                **values,
            )
            numbers = (*contract.position_mean, contract.position_scale, contract.crop, contract.field_of_view)
            if not all(isfinite(number) for number in numbers):
                raise ValueError("a number in its contract is not finite")
        except (KeyError, TypeError, AttributeError, OverflowError, json.JSONDecodeError) as error:
            raise ValueError(f"its contract cannot be read: {error}") from error
        cameras = tuple(robots.load(contract.robot).cameras.places)
        if contract.cameras != cameras:
            raise ValueError(f"it was made for the cameras {', '.join(contract.cameras)}, not {', '.join(cameras)}")
        aim = _three(robots.load(contract.robot).cameras.aim)
        if contract.aim != aim:
            raise ValueError(f"it was made for cameras that look {contract.aim} m from the workspace, not {aim}")
        if contract.certainty is not None and len(contract.certainty.cameras) not in (0, len(cameras)):
            raise ValueError("its certainty is of another number of cameras")
        if not (0 < contract.crop <= 1 and contract.position_scale > 0 and contract.field_of_view > 0):
            raise ValueError("crop must be in (0, 1], position_scale and field_of_view positive")
        pose.symmetries(contract.symmetry)
        return contract


def geometry_of(contract: Contract) -> Geometry:
    """What a network of the head "adjustment" knows beforehand: cameras, and points of object and robot."""
    robot = robots.load(contract.robot)
    places = [camera_place(robot, camera) for camera in contract.cameras]
    return Geometry(
        points=keypoints.with_corners(objects.load(contract.object)),
        landmarks=np.array(contract.landmarks).reshape(-1, 3), cameras=_rows(places),
        tangent=contract.crop * tan(radians(contract.field_of_view) / 2.0),
        mean=contract.position_mean, scale=contract.position_scale,
    )  # fmt: skip


class Estimate(NamedTuple):
    """Poses of the object."""

    position: np.ndarray
    """(n, 3) m, robot frame."""
    orientation: np.ndarray
    """(n, 4) in the robot frame, w >= 0."""
    confidence: np.ndarray
    """(n,) near 1 where the images say clearly how the object is turned, near 0 where they don't."""
    doubt: Doubt | None = None
    """How far off it expects each to be; None where its contract has no `certainty`."""


class Estimator:
    """A network and its contract."""

    def __init__(self, contract: Contract, network: PoseNetwork | None = None) -> None:
        """With `network`, or a new one with random weights from torch's global generator."""
        self.contract = contract
        self.network = network or PoseNetwork(contract.architecture, geometry_of(contract))
        self.group = pose.symmetries(contract.symmetry).float()

    @classmethod
    def load(cls, path: str | Path, object: str | None = None, device: str = "cpu") -> Estimator:
        """Read an estimator file.

        Args:
            path: of a .safetensors file.
            object: whose pose it will estimate; None accepts any.
            device: to compute on.

        Raises:
            DactylError: the file is not an estimator for this object and these cameras; says why.
        """
        return weights.load(path, "pose estimator", Contract.from_json, cls, {"object": object}, device)

    def place(self, places: Mapping[str, Place]) -> None:
        """Tell it where its cameras are, as `calibrate cameras` found; at first they are where the robot's should be.

        Raises:
            DactylError: its network takes no places, because its head is not "adjustment".
        """
        if self.network.adjustment is None:
            raise DactylError('this estimator takes no camera places: its head is not "adjustment"')
        self.network.adjustment.place(_rows([places[camera] for camera in self.contract.cameras]))

    def save(self, path: str | Path) -> None:
        """Write an estimator file, whole or not at all."""
        weights.save(Path(path), self.contract.to_json(), self.network.state_dict())

    def cut(self, image: np.ndarray) -> np.ndarray:
        """One camera's image as `estimate` takes it, see `images.cut`."""
        return images.cut(image, self.contract.crop, self.contract.architecture.image_size)

    def estimate(self, pictures: np.ndarray | Tensor) -> Estimate:
        """Poses from the images of all cameras.

        Args:
            pictures: (n, cameras, size, size, 3) uint8 RGB from `cut`.

        Raises:
            DactylError: the pictures are of another shape.
        """
        return self.look(pictures)[0]

    @torch.no_grad()
    def look(self, pictures: np.ndarray | Tensor) -> tuple[Estimate, np.ndarray | None]:
        """What `estimate` gives; and where each camera's tower finds `points` by itself, see `found`."""
        size = self.contract.architecture.image_size
        if tuple(pictures.shape[1:]) != (len(self.contract.cameras), size, size, 3):
            raise DactylError(f"the estimator takes {len(self.contract.cameras)} pictures of {size} × {size} pixels, "
                              f"not {tuple(pictures.shape[1:])}")  # fmt: skip
        device = self.network.head.weight.device
        features = self.network.features(images.normalize(torch.as_tensor(pictures, device=device)))
        found = self.found(features)
        return self.read(self.network.pose(features).cpu(), found), found

    @property
    def points(self) -> np.ndarray:
        """(K, 3) m, object frame: what the towers' first channels may have been trained to find."""
        return keypoints.points_of(objects.load(self.contract.object))

    def found(self, features: Tensor) -> np.ndarray | None:
        """Where the towers find `points`, (n, cameras, K, 2); None where they have too few channels for that."""
        number = len(self.points)
        if features.shape[-1] < number:
            return None
        return keypoints_found(features, number).double().cpu().numpy()

    def read(self, outputs: Tensor, found: np.ndarray | None = None) -> Estimate:
        """The network's outputs as poses.

        Args:
            outputs: (n, outputs).
            found: see `found`; for its doubts.
        """
        contract = self.contract
        position = outputs[:, :3].double().numpy() * contract.position_scale + np.array(contract.position_mean)
        orientation, confidence = (values.numpy() for values in pose.decode(outputs[:, 3:]))
        doubt = None
        if contract.certainty is not None:
            cameras = np.array(contract.certainty.cameras)
            residuals = None
            if len(cameras) and found is not None:
                points = agreement.placed(position, orientation, self.points)
                residuals = agreement.residuals(found, points, cameras)
            doubt = contract.certainty.doubt(confidence, residuals)
        return Estimate(position, orientation, confidence, doubt)


def joined(parts: Sequence[Estimate]) -> Estimate:
    """Estimates one after the other."""
    position, orientation, confidence, doubts = zip(*parts, strict=True)
    known = [doubt for doubt in doubts if doubt is not None]
    doubt = None
    if known:
        degrees, millimetres, disagreements = zip(*known, strict=True)
        told = [values for values in disagreements if values is not None]
        doubt = Doubt(np.concatenate(degrees), np.concatenate(millimetres), np.concatenate(told) if told else None)
    return Estimate(np.concatenate(position), np.concatenate(orientation), np.concatenate(confidence), doubt)


def _rows(places: Sequence[Place]) -> np.ndarray:
    """(C, 3, 4) from homogeneous points, robot frame, m, to each camera's optical frame."""
    axes = quaternion.to_matrix(np.stack([place.orientation for place in places])).swapaxes(1, 2)
    offsets = -axes @ np.stack([place.position for place in places])[..., None]
    return np.concatenate([axes, offsets], axis=2)


def _three(values: Iterable[Any]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
