"""Vision test sets out of bags: image triples matched in time, with motion capture's pose at that moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.recording.pictures import IMAGES, as_rgb
from dactyl.recording.reading import Bag, nanoseconds, understood
from dactyl.recording.test_sets.dataset import Camera, DatasetWriter
from dactyl.recording.test_sets.overlay import nominal_cameras
from dactyl.simulation.scene import SceneConfig, build

POSE = topics.absolute(topics.MOCAP_POSE)
INFO = tuple(topics.absolute(topics.camera_info(camera)) for camera in topics.CAMERAS)
SAME_POSE_ANGLE, SAME_POSE_DISTANCE = 0.02, 0.001  # rad, m: such a sample would say what the last one said


@dataclass(frozen=True)
class Matching:
    """What belongs together; times in s."""

    cameras_within: float = 0.02
    """The stamps of a triple's pictures differ by no more than this."""
    poses_within: float = 0.04
    """Motion capture saw the object before and after the pictures, no longer apart than this; between, interpolated."""
    every: float = 0.4
    """From one sample to the next: neighbouring pictures are nearly the same one."""
    limit: int = 0
    """Samples at most; 0: as many as there are."""


class Triple(NamedTuple):
    """Three pictures of a moment, with the pose."""

    stamp_ns: int
    image_stamps_ns: tuple[int, ...]
    position: np.ndarray
    orientation: np.ndarray


class Found(NamedTuple):
    """What a bag held, and what became of it."""

    samples: int
    left_out: Counter[str]
    problems: list[str]

    def as_text(self) -> str:
        """For people."""
        lines = [f"{self.samples} samples; left out: {_counts(self.left_out)}"]
        return "\n".join(lines + [f"damaged: {problem}" for problem in self.problems])


def make(path: Path, out: Path, object: str, matching: Matching, tilt: float | None = None) -> Found:
    """Make a test set of a bag.

    Args:
        path: of the bag.
        out: folder to make.
        object: that was in the hand.
        matching: what belongs together.
        tilt: by which the robot was mounted, rad, which decides what has been dropped; None: as it is by default.

    Raises:
        DactylError: the bag lacks pictures or poses, or no sample is left.
    """
    if not (matching.cameras_within > 0 and matching.poses_within > 0 and matching.every >= 0 and matching.limit >= 0):
        raise DactylError("cameras_within and poses_within must be > 0, every and limit >= 0")
    bag = Bag(path)
    robot, task = bag.robot, bag.task
    scene = build(SceneConfig(object=object, tilt=tilt, robot=robot.name))
    with understood(path):
        stamps, poses, infos = _read(bag)
    if missing := [topic for topic, found in stamps.items() if not found]:
        raise DactylError(f"{path} has no pictures on {', '.join(missing)}")
    if not poses.stamps.size:
        raise DactylError(f"{path} has no poses of the object on {POSE}: motion capture is what a test set is true by")
    triples, left_out = _match(stamps, poses, matching, lambda position: task.lost(position, robot, scene.up))
    problems = bag.problems
    if not triples:
        raise DactylError(f"{path}: no sample is left; left out: {_counts(left_out)}")
    nominal = nominal_cameras(scene)
    cameras = [_camera(infos.get(topic), camera) for topic, camera in zip(INFO, nominal, strict=True)]
    about = {
        "source": path.name,
        "pose": "motion capture, interpolated to the mean of the pictures' stamps; linear and spherical",
        "camera_poses": "nominal",
        "matching": asdict(matching),
        "left_out": dict(left_out),
        "damaged": problems,
    }
    with DatasetWriter(out, object, cameras, about) as writer:
        for triple, pictures in _pictures(bag, triples):
            writer.add(pictures, triple.position, triple.orientation, triple.stamp_ns, triple.image_stamps_ns)
    return Found(len(triples), left_out, problems)


class _Poses(NamedTuple):
    stamps: np.ndarray
    """(N,) ns, ascending."""
    positions: np.ndarray
    orientations: np.ndarray


def _read(bag: Bag) -> tuple[dict[str, list[int]], _Poses, dict[str, Any]]:
    """Stamps of the pictures by topic, the poses, and each camera's last CameraInfo."""
    stamps: dict[str, list[int]] = {topic: [] for topic in IMAGES}
    poses: dict[int, list[float]] = {}
    infos: dict[str, Any] = {}
    for message, fields in bag.decoded((*IMAGES, *INFO, POSE)):
        stamp = nanoseconds(fields.header.stamp)
        if message.topic in stamps:
            stamps[message.topic].append(stamp)
        elif message.topic == POSE:
            p, q = fields.pose.position, fields.pose.orientation
            pose = [p.x, p.y, p.z, q.w, q.x, q.y, q.z]
            if np.isfinite(pose).all() and np.linalg.norm(pose[3:]) > 1e-6:
                poses[stamp] = pose
        else:
            infos[message.topic] = fields
    order = sorted(poses)
    rows = np.array([poses[stamp] for stamp in order]).reshape(-1, 7)
    orientations = quaternion.normalize(rows[:, 3:]) if len(rows) else rows[:, 3:]
    return stamps, _Poses(np.array(order, np.int64), rows[:, :3], orientations), infos


def _match(
    stamps: dict[str, list[int]], poses: _Poses, matching: Matching, lost: Callable[[np.ndarray], np.ndarray]
) -> tuple[list[Triple], Counter[str]]:
    left_out: Counter[str] = Counter()
    triples: list[Triple] = []
    first, *others = (np.array(sorted(set(stamps[topic])), np.int64) for topic in IMAGES)
    for base in first:
        near = [int(other[np.abs(other - base).argmin()]) for other in others]
        image_stamps = (int(base), *near)
        if max(image_stamps) - min(image_stamps) > matching.cameras_within * 1e9:
            left_out["not all cameras"] += 1
            continue
        stamp = int(base) + round(sum(each - int(base) for each in image_stamps) / len(image_stamps))
        pose = _interpolate(poses, stamp, matching.poses_within)
        if pose is None:
            left_out["markers lost"] += 1
        elif lost(pose[0]):
            left_out["object dropped"] += 1
        elif triples and stamp - triples[-1].stamp_ns < matching.every * 1e9:
            left_out["too soon after the last"] += 1
        elif triples and _same(triples[-1], pose):
            left_out["nothing has moved"] += 1
        elif matching.limit and len(triples) >= matching.limit:
            left_out["beyond the limit"] += 1
        else:
            triples.append(Triple(stamp, image_stamps, *pose))
    return triples, left_out


def _interpolate(poses: _Poses, stamp: int, within: float) -> tuple[np.ndarray, np.ndarray] | None:
    """Position and orientation at a moment; None if motion capture did not see the object just before and after."""
    after = int(np.searchsorted(poses.stamps, stamp))
    if after < len(poses.stamps) and poses.stamps[after] == stamp:
        return poses.positions[after], poses.orientations[after]
    if after == 0 or after == len(poses.stamps):
        return None
    before = after - 1
    gap = int(poses.stamps[after] - poses.stamps[before])
    if gap > within * 1e9:
        return None
    share = (stamp - int(poses.stamps[before])) / gap
    position = (1 - share) * poses.positions[before] + share * poses.positions[after]
    return position, quaternion.slerp(poses.orientations[before], poses.orientations[after], share)


def _same(last: Triple, pose: tuple[np.ndarray, np.ndarray]) -> bool:
    moved = np.linalg.norm(pose[0] - last.position)
    turned = quaternion.difference_angle(last.orientation, pose[1])
    return bool(moved < SAME_POSE_DISTANCE and turned < SAME_POSE_ANGLE)


def _pictures(bag: Bag, triples: Sequence[Triple]) -> Iterator[tuple[Triple, list[np.ndarray]]]:
    """Each triple with its pictures, in the cameras' order, once they have come."""
    wanted = {
        (topic, stamp): triple
        for triple in triples
        for topic, stamp in zip(IMAGES, triple.image_stamps_ns, strict=True)
    }
    waiting: dict[int, dict[str, np.ndarray]] = {}
    for message, fields in bag.decoded(IMAGES):
        triple = wanted.pop((message.topic, nanoseconds(fields.header.stamp)), None)
        if triple is None:
            continue
        pictures = waiting.setdefault(triple.stamp_ns, {})
        pictures[message.topic] = as_rgb(fields)
        if len(pictures) == len(IMAGES):
            yield triple, [pictures[topic] for topic in IMAGES]
            del waiting[triple.stamp_ns]


def _camera(info: Any, nominal: Camera) -> Camera:
    """A camera as its CameraInfo says, where the scene puts it."""
    if info is None:
        raise DactylError(f"the bag has no camera_info of {nominal.name}")
    return replace(
        nominal, width=int(info.width), height=int(info.height), k=tuple(map(float, info.k)),
        d=tuple(map(float, info.d)), distortion_model=str(info.distortion_model),
    )  # fmt: skip


def _counts(left_out: Counter[str]) -> str:
    return ", ".join(f"{count} {why}" for why, count in left_out.most_common()) or "nothing"
