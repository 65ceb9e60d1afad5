"""How much of the joint sensors' error the calibration removes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.robots.shadow.calibration import joint_report, synthetic
from dactyl.robots.shadow.calibration.joints import Assumptions, Fit, Kinematics, Recording, angles_of, calibrate
from dactyl.robots.shadow.calibration.synthetic import Noise, Synthetic
from dactyl.robots.shadow.calibration.truth_points import Surface
from dactyl.robots.shadow.joints import FINGERS, JOINT_LIMITS, JOINTS
from dactyl.simulation.scene import Scene


def rms(errors: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean(np.square(errors))))


def test_the_derivatives_are_those_of_the_positions(scene: Scene) -> None:
    """Protects the fit, which a wrong derivative would only slow down and blunt."""
    kinematics, random = Kinematics(scene), np.random.default_rng(0)
    angles, markers = 0.3 * random.random((1, len(JOINTS))), 0.003 * random.standard_normal((5, 3))
    positions, by_angle, by_offset = kinematics(angles, markers)
    step = 1e-6
    for i in range(len(JOINTS)):
        moved, _, _ = kinematics(angles + step * np.eye(len(JOINTS))[i], markers)
        np.testing.assert_allclose((moved - positions)[0] / step, by_angle[0, ..., i], atol=1e-5)
    for axis in range(3):
        moved, _, _ = kinematics(angles, markers + step * np.eye(3)[axis])
        np.testing.assert_allclose((moved - positions)[0] / step, by_offset[0, ..., axis], atol=1e-5)


def test_without_noise_the_truth_is_found(scene: Scene) -> None:
    """Protects the model: sensors, joints, markers and frames fit together."""
    exact = Noise(reading=1e-6, offset=0.0, marker=0.0, base=0.0, raw=0.0)
    hand = synthetic.record(scene, seed=1, frames=300, noise=exact)
    sure = Assumptions(reading=1e-4, marker=1e-6, base_turn=1e-6, base_shift=1e-6)
    fit = calibrate(scene, hand.factory, hand.recording, sure)
    found = joint_report.against_truth(Kinematics(scene), fit, hand)
    assert found["before"]["joint_angle_deg"] > 1.5
    assert found["after"]["joint_angle_deg"] < 0.02
    assert found["after"]["fingertip_mm"] < 0.01


def test_with_the_papers_noise_most_of_the_error_goes(scene: Scene, hand: Synthetic, fit: Fit) -> None:
    """Protects the calibration's worth: what the factory's points leave at the fingertips, and what remains."""
    found = joint_report.against_truth(Kinematics(scene), fit, hand)
    assert found["before"]["fingertip_mm"] > 5.0
    assert found["after"]["fingertip_mm"] < 0.5 * found["before"]["fingertip_mm"]
    assert found["after"]["joint_angle_deg"] < 0.8 * found["before"]["joint_angle_deg"]
    noise = np.sqrt(3.0) * Noise().reading
    assert rms(fit.errors["factory"]) > 2.0 * noise
    assert rms(fit.errors["placed"]) < rms(fit.errors["factory"])
    assert rms(fit.errors["calibrated"]) < 1.15 * noise


def test_markers_taken_for_others_hardly_matter(scene: Scene, hand: Synthetic, fit: Fit) -> None:
    """Protects against a few wild readings among the good ones."""
    wild = hand.recording.fingertips.copy()
    wild[::25, 1] += 0.05
    found = calibrate(scene, hand.factory, hand.recording._replace(fingertips=wild))
    before = joint_report.against_truth(Kinematics(scene), fit, hand)["after"]["fingertip_mm"]
    assert joint_report.against_truth(Kinematics(scene), found, hand)["after"]["fingertip_mm"] < before + 0.7


def test_hidden_markers_and_lost_readings_are_left_out(scene: Scene, hand: Synthetic) -> None:
    """Protects a recording in which fingers hide each other: NaN may not reach the fit."""
    raw, fingertips = hand.recording.raw.copy(), hand.recording.fingertips.copy()
    fingertips[::3, 2] = np.nan
    raw[5] = np.nan
    fit = calibrate(scene, hand.factory, Recording(raw, fingertips))
    assert fit.fitted + fit.held_out == len(raw) - 1
    assert all(np.isfinite(curve.angles).all() for curve in fit.calibrated.curves.values())


def test_too_little_is_refused(scene: Scene, hand: Synthetic) -> None:
    """Protects against a calibration from a glimpse, or of a finger without a marker."""
    with pytest.raises(DactylError, match="40 moments with sensors and markers are too few: at least 100"):
        calibrate(scene, hand.factory, hand.recording.part(np.arange(40)))
    blind = hand.recording.fingertips.copy()
    blind[:, FINGERS.index("TH")] = np.nan
    with pytest.raises(DactylError, match="the marker of TH was seen in 0 moments only"):
        calibrate(scene, hand.factory, hand.recording._replace(fingertips=blind))


def test_synthetic_hands_differ_by_seed_alone(scene: Scene, hand: Synthetic) -> None:
    """Protects the figures in docs/results.md."""
    again = synthetic.record(scene, seed=0, frames=500)
    np.testing.assert_array_equal(again.recording.raw, hand.recording.raw)
    other = synthetic.record(scene, seed=1, frames=500, noise=replace(Noise(), raw=0.0))
    assert not np.array_equal(other.recording.raw, hand.recording.raw)


def test_a_coupled_thumb_is_calibrated_over_both_its_sensors(scene: Scene) -> None:
    """Protects hands as they are shipped: the surface moves towards the truth, and so does the thumb's tip."""
    thumb = ("THJ1", "THJ2")
    drawn = synthetic.record(scene, seed=2, frames=10).factory
    raw = np.array([[a, b + 0.1 * a] for a in np.linspace(1000, 3000, 5) for b in np.linspace(1000, 3000, 4)])
    lower, upper = JOINT_LIMITS[[JOINTS.index(joint) for joint in thumb]].T
    share = (raw - raw.min(axis=0)) / np.ptp(raw, axis=0)
    shipped = {joint: Surface(raw, (lower + (upper - lower) * share)[:, i], thumb) for i, joint in enumerate(thumb)}
    factory = {**drawn, **shipped}
    hand = synthetic.record(scene, seed=2, frames=400, noise=Noise(reading=0.0005, marker=0.001), factory=factory)
    fit = calibrate(scene, hand.factory, hand.recording)
    columns = [JOINTS.index(joint) for joint in thumb]
    before, after = (
        rms((angles_of(curves, hand.recording.raw) - hand.angles)[:, columns])
        for curves in (hand.factory, fit.calibrated.curves)
    )
    assert after < 0.7 * before
    assert rms(fit.errors["calibrated"][:, FINGERS.index("TH")]) < 0.5 * rms(fit.errors["factory"])
