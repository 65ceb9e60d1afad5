"""Refines the calibration of the hand's joint sensors against motion capture of the fingertips (appendix B.5).

Starts from the factory's truth points and moves their angles until the fingertip markers, computed from the raw
readings, are where motion capture saw them. What else would show in that difference is estimated along: where each
marker is glued to its nail, and how far the hand frame found from the base markers is off. All three are held near what
is known of them (a maximum a posteriori estimate), because the fingertips alone do not tell, for example, a turned base
from a bent wrist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import mujoco
import numpy as np
from scipy.optimize import least_squares

from dactyl.errors import DactylError
from dactyl.robots.shadow.calibration.hall import readings_for
from dactyl.robots.shadow.calibration.truth_points import Curve, Surface
from dactyl.robots.shadow.joints import FINGERS, JOINTS
from dactyl.simulation.scene import Scene

MINIMUM_FRAMES = 100
BLOCK = 20
"""Consecutive frames that go together to one side: fitted, or held out to measure on."""
HELD_OUT = 5
"""Every so many blocks one is held out."""


class Recording(NamedTuple):
    """Moments in which raw sensors and fingertip markers were read together."""

    raw: np.ndarray
    """(n, 24) readings of the sensors, hand.joints.JOINTS order."""
    fingertips: np.ndarray
    """(n, 5, 3) markers in the hand frame, m; NaN where not seen."""

    def part(self, chosen: np.ndarray) -> Recording:
        return Recording(self.raw[chosen], self.fingertips[chosen])


@dataclass(frozen=True)
class Assumptions:
    """How far each unknown is expected to be off: standard deviations."""

    reading: float = 0.002
    """m, of a fingertip's position (Table 7)."""
    angle: float = 0.05
    """rad, of the factory's angle at a truth point."""
    marker: float = 0.003
    """m, of where a marker is glued (Table 7)."""
    base_turn: float = 0.02
    """rad, of the hand frame's orientation: base markers 1 mm off (Table 7), 5 to 10 cm apart."""
    base_shift: float = 0.002
    """m, of the hand frame's origin."""


@dataclass(frozen=True)
class Model:
    """How fingertip markers follow from raw readings."""

    curves: Mapping[str, Curve | Surface]
    markers: np.ndarray
    """(5, 3) from where the markers should be on the distal links to where they are, in those links' frames, m."""
    base: np.ndarray
    """(6,) rotation vector (rad) and shift (m) from the hand frame to the one that the base markers gave."""


class Fit(NamedTuple):
    """What a calibration has found, and how well it does on moments it has not seen."""

    factory: Model
    placed: Model
    """Factory's curves, with markers and base fitted: what remains is the joints' fault."""
    calibrated: Model
    errors: dict[str, np.ndarray]
    """For "factory", "placed", "calibrated": (n, 5) distance in the held-out moments, m; NaN where not seen."""
    fitted: int
    held_out: int


def calibrate(
    scene: Scene, factory: Mapping[str, Curve | Surface], recording: Recording, assumptions: Assumptions | None = None
) -> Fit:
    """Fit the curves to a recording.

    Raises:
        DactylError: there is too little in it.
    """
    assumptions = assumptions or Assumptions()
    usable = np.isfinite(recording.raw).all(axis=1) & np.isfinite(recording.fingertips).all(axis=2).any(axis=1)
    recording = recording.part(usable)
    held_out = (np.arange(len(recording.raw)) // BLOCK) % HELD_OUT == HELD_OUT - 1
    training, testing = recording.part(~held_out), recording.part(held_out)
    if len(testing.raw) < MINIMUM_FRAMES // HELD_OUT:
        raise DactylError(
            f"{len(recording.raw)} moments with sensors and markers are too few: at least {MINIMUM_FRAMES}"
        )
    seen = np.isfinite(recording.fingertips).all(axis=2).sum(axis=0)
    if (seen < MINIMUM_FRAMES).any():
        finger = FINGERS[int(np.argmin(seen))]
        raise DactylError(f"the marker of {finger} was seen in {seen.min()} moments only: at least {MINIMUM_FRAMES}")
    start = Model(factory, np.zeros((len(FINGERS), 3)), np.zeros(6))
    kinematics = Kinematics(scene)
    placed = _fit(kinematics, start, training, assumptions, joints=False)
    calibrated = _fit(kinematics, placed, training, assumptions, joints=True, prior=start)
    models = {"factory": start, "placed": placed, "calibrated": calibrated}
    errors = {
        name: np.linalg.norm(predict(kinematics, model, testing.raw) - testing.fingertips, axis=2)
        for name, model in models.items()
    }
    return Fit(start, placed, calibrated, errors, len(training.raw), len(testing.raw))


class Kinematics:
    """Fingertip markers in the hand frame from joint angles, by the scene's model."""

    def __init__(self, scene: Scene) -> None:
        self._scene, self._model, self._data = scene, scene.model, mujoco.MjData(scene.model)
        rotation = np.empty(9)
        mujoco.mju_quat2Mat(rotation, scene.hand_quaternion)
        self._to_hand = rotation.reshape(3, 3).T
        self._links = self._model.site_bodyid[scene.fingertip_sites]

    def __call__(self, angles: np.ndarray, markers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions and their derivatives.

        Args:
            angles: (n, 24) rad.
            markers: (5, 3) offsets of the markers in the frames of the distal links, m.

        Returns:
            (n, 5, 3) m; (n, 5, 3, 24) by the angles; (n, 5, 3, 3) by the offsets.
        """
        model, data, n = self._model, self._data, len(angles)
        positions = np.empty((n, len(FINGERS), 3))
        by_angle = np.empty((n, len(FINGERS), 3, len(JOINTS)))
        by_offset = np.empty((n, len(FINGERS), 3, 3))
        jacobian = np.empty((3, model.nv))
        for i in range(n):
            data.qpos[: len(JOINTS)] = angles[i]
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            for finger, (site, link) in enumerate(zip(self._scene.fingertip_sites, self._links, strict=True)):
                rotation = data.xmat[link].reshape(3, 3)
                point = data.site_xpos[site] + rotation @ markers[finger]
                mujoco.mj_jac(model, data, jacobian, None, point, link)
                positions[i, finger] = self._to_hand @ (point - self._scene.hand_position)
                by_angle[i, finger] = self._to_hand @ jacobian[:, : len(JOINTS)]
                by_offset[i, finger] = self._to_hand @ rotation
        return positions, by_angle, by_offset


def angles_of(curves: Mapping[str, Curve | Surface], raw: np.ndarray) -> np.ndarray:
    """(n, 24) joint angles, rad, from raw readings (n, 24)."""
    return np.stack([curves[joint](readings_for(curves[joint], joint, raw)) for joint in JOINTS], axis=1)


def predict(kinematics: Kinematics, model: Model, raw: np.ndarray) -> np.ndarray:
    """(n, 5, 3) where the model expects motion capture to see the markers, m."""
    positions, _, _ = kinematics(angles_of(model.curves, raw), model.markers)
    return _displaced(positions, model.base)


def _displaced(positions: np.ndarray, base: np.ndarray) -> np.ndarray:
    return positions + np.cross(base[:3], positions) + base[3:]  # a small rotation


def _fit(
    kinematics: Kinematics,
    start: Model,
    recording: Recording,
    assumptions: Assumptions,
    joints: bool,
    prior: Model | None = None,
) -> Model:
    """Least squares over markers and base, and the curves if so wanted; `prior` is what the unknowns are held near."""
    weights = [start.curves[joint].weights(readings_for(start.curves[joint], joint, recording.raw)) for joint in JOINTS]
    sizes = [w.shape[1] for w in weights]
    curves = sum(sizes) if joints else 0
    markers = slice(curves, curves + start.markers.size)
    base = slice(markers.stop, markers.stop + 6)
    seen = np.isfinite(recording.fingertips)
    spread = np.concatenate([
        np.full(curves, assumptions.angle), np.full(start.markers.size, assumptions.marker),
        np.full(3, assumptions.base_turn), np.full(3, assumptions.base_shift),
    ])  # fmt: skip

    def vector(model: Model) -> np.ndarray:
        angles = [model.curves[joint].angles for joint in JOINTS] if joints else []
        return np.concatenate([*angles, model.markers.ravel(), model.base])

    def model_of(x: np.ndarray) -> Model:
        fitted = start.curves
        if joints:
            pieces = np.split(x[:curves], np.cumsum(sizes)[:-1])
            fitted = {j: replace(start.curves[j], angles=piece) for j, piece in zip(JOINTS, pieces, strict=True)}
        return Model(fitted, x[markers].reshape(-1, 3), x[base])

    center = vector(prior or start)
    evaluate = _once(lambda x: _linearize(kinematics, model_of(x), recording.raw))

    def residuals(x: np.ndarray) -> np.ndarray:
        positions, *_ = evaluate(x)
        off = (_displaced(positions, x[base]) - recording.fingertips) / assumptions.reading
        return np.concatenate([off[seen], (x - center) / spread])

    def jacobian(x: np.ndarray) -> np.ndarray:
        positions, by_angle, by_offset = evaluate(x)
        n = len(positions)
        turn = np.eye(3) + _cross_matrix(x[base][:3])
        rows = np.zeros((n, len(FINGERS), 3, len(x)))
        if joints:
            by_angle = turn @ by_angle
            column = 0
            for i, w in enumerate(weights):
                rows[..., column : column + sizes[i]] = by_angle[..., i, None] * w[:, None, None, :]
                column += sizes[i]
        by_offset = turn @ by_offset
        for finger in range(len(FINGERS)):
            where = slice(markers.start + 3 * finger, markers.start + 3 * finger + 3)
            rows[:, finger, :, where] = by_offset[:, finger]
        rows[..., base.start : base.start + 3] = -_cross_matrix(positions)
        rows[..., base.start + 3 : base.stop] = np.eye(3)
        return np.concatenate([rows[seen] / assumptions.reading, np.diag(1.0 / spread)])

    x = vector(start)
    for loss in ("linear", "soft_l1"):  # first come near, then let no marker taken for another bend the curves
        x = least_squares(
            residuals, x, jacobian, loss=loss, f_scale=2.0, x_scale=spread, max_nfev=50, ftol=1e-7, tr_solver="lsmr"
        ).x
    return model_of(x)


def _linearize(kinematics: Kinematics, model: Model, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return kinematics(angles_of(model.curves, raw), model.markers)


def _once(function: Callable[[np.ndarray], tuple[np.ndarray, ...]]) -> Callable[[np.ndarray], tuple[np.ndarray, ...]]:
    """The function, remembering its last value: residuals and derivatives are asked for at the same place."""
    last: list[tuple[np.ndarray, tuple[np.ndarray, ...]]] = []

    def remembered(x: np.ndarray) -> tuple[np.ndarray, ...]:
        if not last or not np.array_equal(last[0][0], x):
            last[:] = [(x.copy(), function(x))]
        return last[0][1]

    return remembered


def _cross_matrix(v: np.ndarray) -> np.ndarray:
    """(..., 3, 3): cross_matrix(v) @ u = v x u."""
    x, y, z = np.moveaxis(v, -1, 0)
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*v.shape, 3)
