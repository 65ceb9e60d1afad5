"""Vision test sets: image triples with the object's true pose, as a folder of PNGs, an NPZ of poses and a card.

Layout of a test set, format "dactyl-vision-dataset/1":

    dataset.json              the card: format, object, cameras, where it came from, what was left out and why, digest
    samples.npz               position (N, 3) m and quaternion (N, 4) unit (w, x, y, z), both in the hand frame;
                              stamp_ns (N,) and image_stamp_ns (N, cameras), int64
    images/00000_camera_0.png lossless 8-bit RGB, one for each sample and camera
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from dactyl.errors import DactylError
from dactyl.storage import npz, pictures
from dactyl.storage.files import write_atomically

FORMAT = "dactyl-vision-dataset/1"
_FIELDS = {"position": 3, "quaternion": 4, "stamp_ns": 0, "image_stamp_ns": None}


@dataclass(frozen=True)
class Camera:
    """A camera that took the pictures, after sensor_msgs/CameraInfo."""

    name: str
    width: int
    height: int
    k: tuple[float, ...]
    """3x3 intrinsic matrix row by row, pixels."""
    d: tuple[float, ...] = ()
    """Distortion coefficients."""
    distortion_model: str = "plumb_bob"
    position: tuple[float, ...] | None = None
    """(3,) of the optical centre in the hand frame, m; None: not known."""
    quaternion: tuple[float, ...] | None = None
    """(4,) (w, x, y, z), rotates vectors of the optical frame (x right, y down, z ahead) into the hand frame."""


@dataclass(frozen=True)
class Sample:
    """One moment."""

    images: np.ndarray
    """(cameras, height, width, 3) uint8 RGB, in the cameras' order."""
    position: np.ndarray
    """(3,) m, of the object in the hand frame."""
    quaternion: np.ndarray
    """(4,) unit, (w, x, y, z)."""
    stamp_ns: int
    """Moment that the pose is for."""
    image_stamp_ns: np.ndarray
    """(cameras,) when each picture was taken."""


class Dataset:
    """A test set on disk; pictures are read when asked for."""

    def __init__(self, folder: Path, verify: bool = False) -> None:
        """Open it.

        Args:
            folder: with the test set.
            verify: also read every picture and compare the digest.

        Raises:
            DactylError: it is none, is of another version, or what it holds does not fit together.
        """
        self.folder = folder
        self.card = _read_card(folder)
        self.object = str(self.card["object"])
        if not isinstance(self.card["cameras"], list) or not self.card["cameras"]:
            raise DactylError(f"{folder / 'dataset.json'}: it has no list of cameras")
        self.cameras = tuple(_camera(folder, fields) for fields in self.card["cameras"])
        arrays = _read_samples(folder, len(self.cameras))
        self.positions, self.quaternions = arrays["position"], arrays["quaternion"]
        self.stamps_ns, self.image_stamps_ns = arrays["stamp_ns"], arrays["image_stamp_ns"]
        if len(self) != self.card["samples"]:
            raise DactylError(f"{folder}: the card says {self.card['samples']} samples, samples.npz has {len(self)}")
        missing = [path for i in range(len(self)) for path in self.image_paths(i) if not path.is_file()]
        if missing:
            raise DactylError(f"{folder}: {len(missing)} pictures are missing, {missing[0].name} the first")
        if verify and _digest(folder, self._files()) != self.card["digest"]:
            raise DactylError(f"{folder}: pictures or poses have changed since the test set was made")

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, i: int) -> Sample:
        images = [self._read(path, camera) for path, camera in zip(self.image_paths(i), self.cameras, strict=True)]
        return Sample(
            np.stack(images),
            self.positions[i],
            self.quaternions[i],
            int(self.stamps_ns[i]),
            self.image_stamps_ns[i],
        )

    def image_paths(self, i: int) -> list[Path]:
        """Files of a sample's pictures, in the cameras' order."""
        return [_image_path(self.folder, i, camera.name) for camera in self.cameras]

    def _files(self) -> list[Path]:
        return [self.folder / "samples.npz", *(path for i in range(len(self)) for path in self.image_paths(i))]

    def _read(self, path: Path, camera: Camera) -> np.ndarray:
        image = pictures.read(path)
        if image is None or image.shape != (camera.height, camera.width, 3):
            raise DactylError(f"{path} is no picture of {camera.width}x{camera.height}")
        return image


class DatasetWriter:
    """Writes a test set: `with DatasetWriter(folder, "block", cameras) as writer: writer.add(...)`.

    The card comes last: a folder that was not finished is not taken for a test set, and is removed.
    """

    def __init__(
        self, folder: Path, object: str, cameras: Sequence[Camera], about: Mapping[str, Any] | None = None
    ) -> None:
        """
        Args:
            folder: to make; must not exist yet, or be empty.
            object: block, octagonal_prism or sphere.
            cameras: that every sample has a picture of; all of one size.
            about: more for the card: source, tolerance, what was left out.

        Raises:
            DactylError: it cannot be made.
        """
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise DactylError(f"{folder} exists and is not empty")
        if len({(camera.width, camera.height) for camera in cameras}) != 1:
            raise DactylError("the cameras' pictures must all have one size")
        self.folder, self.object, self.cameras = folder, object, tuple(cameras)
        self.about = dict(about or {})
        self._samples: list[tuple[np.ndarray, np.ndarray, int, np.ndarray]] = []
        self._made = not folder.exists()
        try:
            (folder / "images").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DactylError(f"cannot make the test set {folder}: {error.strerror}") from error

    def __enter__(self) -> DatasetWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.finish()
        except BaseException as failure:
            kind = type(failure)
            raise
        finally:
            if kind is not None:
                self._remove()

    def _remove(self) -> None:
        """Leave nothing that would block the next try."""
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if self._made:
            self.folder.rmdir()

    def __len__(self) -> int:
        return len(self._samples)

    def add(
        self,
        images: np.ndarray | Sequence[np.ndarray],
        position: np.ndarray,
        quaternion: np.ndarray,
        stamp_ns: int,
        image_stamp_ns: Sequence[int] | np.ndarray | None = None,
    ) -> None:
        """Add a sample; see `Sample` for shapes."""
        if len(images) != len(self.cameras):
            raise DactylError(f"a sample needs {len(self.cameras)} pictures, not {len(images)}")
        for camera, image in zip(self.cameras, images, strict=True):
            if image.shape != (camera.height, camera.width, 3) or image.dtype != np.uint8:
                raise DactylError(f"a picture of {camera.name} has shape {image.shape} and type {image.dtype}")
            path = _image_path(self.folder, len(self), camera.name)
            if not cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR)):
                raise DactylError(f"cannot write {path}")
        stamps = np.full(len(self.cameras), stamp_ns) if image_stamp_ns is None else np.asarray(image_stamp_ns)
        self._samples.append((np.asarray(position, float), np.asarray(quaternion, float), int(stamp_ns), stamps))

    def finish(self) -> None:
        """Write poses and card."""
        if not self._samples:
            raise DactylError(f"no samples for {self.folder}")
        positions, quaternions, stamps, image_stamps = zip(*self._samples, strict=True)
        np.savez(
            self.folder / "samples.npz",
            position=np.stack(positions),
            quaternion=np.stack(quaternions),
            stamp_ns=np.array(stamps, np.int64),
            image_stamp_ns=np.stack(image_stamps).astype(np.int64),
        )
        images = [_image_path(self.folder, i, c.name) for i in range(len(self)) for c in self.cameras]
        card = {
            "format": FORMAT,
            "object": self.object,
            "samples": len(self),
            "frame": "hand: origin at the forearm mount, z along the fingers, -y out of the palm; m, (w, x, y, z)",
            "cameras": [dataclasses.asdict(camera) for camera in self.cameras],
            **self.about,
            "digest": _digest(self.folder, [self.folder / "samples.npz", *images]),
        }
        write_atomically(self.folder / "dataset.json", json.dumps(card, indent=2) + "\n")


def _image_path(folder: Path, i: int, camera: str) -> Path:
    return folder / "images" / f"{i:05d}_{camera}.png"


def _digest(folder: Path, files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(folder)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return f"sha256:{digest.hexdigest()}"


def _read_card(folder: Path) -> dict[str, Any]:
    path = folder / "dataset.json"
    try:
        card = json.loads(path.read_text())
    except OSError as error:
        raise DactylError(f"{folder} is no vision test set: cannot read {path.name}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DactylError(f"{path} is not JSON: {error}") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        found = card.get("format") if isinstance(card, dict) else None
        raise DactylError(f"{path}: format {found!r} cannot be read, only {FORMAT!r}")
    if lacking := {"object", "samples", "cameras", "digest"} - card.keys():
        raise DactylError(f"{path} lacks {', '.join(sorted(lacking))}")
    return card


def _camera(folder: Path, fields: Any) -> Camera:
    try:
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
        }
        camera = Camera(**values)
        if not (0 < camera.width < 2**15 and 0 < camera.height < 2**15 and re.fullmatch(r"\w+", camera.name)):
            raise ValueError("its name or size cannot be")
    except (TypeError, ValueError, AttributeError) as error:
        raise DactylError(f"{folder / 'dataset.json'}: a camera cannot be read: {error}") from error
    return camera


def _read_samples(folder: Path, cameras: int) -> dict[str, np.ndarray]:
    path = folder / "samples.npz"
    arrays = npz.read(path, "the samples")
    if missing := _FIELDS.keys() - arrays.keys():
        raise DactylError(f"{path}: {min(missing)} is not in it")
    for name, array in arrays.items():
        if array.dtype.kind not in ("iu" if name.endswith("_ns") else "f"):
            raise DactylError(f"{path}: {name} has numbers of the type {array.dtype}")
    count = arrays["position"].shape[0] if arrays["position"].ndim else 0
    for name, width in _FIELDS.items():
        shape = {None: (count, cameras), 0: (count,)}.get(width, (count, width))
        if arrays[name].shape != shape:
            raise DactylError(f"{path}: {name} has shape {arrays[name].shape} where {shape} is needed")
    if not np.isfinite(arrays["position"]).all():
        raise DactylError(f"{path}: a position is not finite")
    if not np.allclose(np.linalg.norm(arrays["quaternion"], axis=1), 1.0, atol=1e-6):
        raise DactylError(f"{path}: a quaternion is not of unit length")
    return arrays
