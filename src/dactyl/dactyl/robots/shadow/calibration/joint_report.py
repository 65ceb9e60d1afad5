"""What a calibration of the joint sensors has changed, in figures and as a plot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dactyl.robots.shadow.calibration.hall import as_results
from dactyl.robots.shadow.calibration.joints import Fit, Kinematics, angles_of
from dactyl.robots.shadow.calibration.synthetic import Synthetic
from dactyl.robots.shadow.calibration.truth_points import Curve, Surface
from dactyl.robots.shadow.joints import FINGERS, JOINTS

STAGES = ("factory", "placed", "calibrated")


def results(fit: Fit) -> dict[str, Any]:
    """Fingertip errors on held-out moments by stage and finger, mm; what was found."""
    changes = {j: _degrees(fit.calibrated.curves[j].angles - fit.factory.curves[j].angles) for j in JOINTS}
    return {
        "moments": {"fitted": fit.fitted, "held_out": fit.held_out},
        "fingertip_error_mm": {
            stage: {
                **{finger: _statistics(fit.errors[stage][:, i]) for i, finger in enumerate(FINGERS)},
                "all": _statistics(fit.errors[stage]),
            }
            for stage in STAGES
        },
        "change_deg": changes,
        "markers_mm": {f: (1e3 * fit.calibrated.markers[i]).tolist() for i, f in enumerate(FINGERS)},
        "base": {"turn_deg": _degrees(fit.calibrated.base[:3]), "shift_mm": (1e3 * fit.calibrated.base[3:]).tolist()},
        "curves": as_results(fit.calibrated.curves),
    }


def against_truth(kinematics: Kinematics, fit: Fit, synthetic: Synthetic) -> dict[str, Any]:
    """How far joint angles, and the fingertips computed from them, are from the truth, before and after."""
    nominal = np.zeros((len(FINGERS), 3))
    true_tips, _, _ = kinematics(synthetic.angles, nominal)

    def off(curves: dict[str, Curve | Surface]) -> dict[str, float]:
        angles = angles_of(curves, synthetic.recording.raw)
        tips, _, _ = kinematics(angles, nominal)
        return {
            "joint_angle_deg": float(np.degrees(_rms(angles - synthetic.angles))),
            "fingertip_mm": 1e3 * _rms(np.linalg.norm(tips - true_tips, axis=2)),
        }

    return {"before": off(dict(fit.factory.curves)), "after": off(dict(fit.calibrated.curves))}


def as_text(found: dict[str, Any]) -> str:
    """The results for people."""
    errors = found["fingertip_error_mm"]
    lines = [
        "{fitted} moments fitted, {held_out} held out; fingertip error there, mm, rms (95 %):".format(
            **found["moments"]
        ),
        f"{'':6}{'factory':>16}{'markers placed':>16}{'calibrated':>16}",
    ]
    for name in (*FINGERS, "all"):
        cells = (f"{errors[stage][name]['rms']:.2f} ({errors[stage][name]['p95']:.2f})" for stage in STAGES)
        lines.append(f"{name:6}" + "".join(f"{cell:>16}" for cell in cells))
    largest = sorted(JOINTS, key=lambda joint: -max(map(abs, found["change_deg"][joint])))[:5]
    changes = (f"{joint} {max(found['change_deg'][joint], key=abs):+.1f}°" for joint in largest)
    lines.append(f"largest changes: {', '.join(changes)}")
    glued = (f"{finger} {np.linalg.norm(offset):.1f}" for finger, offset in found["markers_mm"].items())
    lines.append(f"markers off their place, mm: {', '.join(glued)}")
    if "truth" in found:
        before, after = found["truth"]["before"], found["truth"]["after"]
        lines.append(
            f"against the truth: joints {before['joint_angle_deg']:.2f}° -> {after['joint_angle_deg']:.2f}°, "
            f"fingertips from joints {before['fingertip_mm']:.2f} mm -> {after['fingertip_mm']:.2f} mm (rms)"
        )
    return "\n".join(lines)


def plot(path: Path, fit: Fit, truth: Mapping[str, Curve | Surface] | None = None) -> None:
    """How each joint's curve has changed over its raw readings, and the fingertips' errors."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 12))
    FigureCanvasAgg(figure)
    axes = figure.subplots(5, 5).ravel()
    for axis, joint in zip(axes, JOINTS, strict=False):
        factory, calibrated = fit.factory.curves[joint], fit.calibrated.curves[joint]
        axis.axhline(0.0, color="0.7")
        raw, lines = _over(factory, joint)
        axis.plot(raw, _degrees(calibrated.angles - factory.angles), "o-" if lines else "o", label="calibrated")
        if truth:
            axis.plot(raw, _degrees(truth[joint].angles - factory.angles), "x--" if lines else "x", label="truth")
        axis.set_title(joint, fontsize=9)
        axis.tick_params(labelsize=7)
    axes[0].set_ylabel("change, degrees", fontsize=8)
    axes[0].legend(fontsize=7)
    places = np.arange(len(FINGERS))
    for i, stage in enumerate(STAGES):
        heights = [_statistics(fit.errors[stage][:, finger])["rms"] for finger in range(len(FINGERS))]
        axes[-1].bar(places + 0.27 * (i - 1), heights, 0.25, label=stage)
    axes[-1].set_xticks(places, FINGERS, fontsize=7)
    axes[-1].set_title("fingertip error, mm (rms, held out)", fontsize=9)
    axes[-1].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def _over(table: Curve | Surface, joint: str) -> tuple[np.ndarray, bool]:
    """What a joint's truth points are drawn over, its own raw reading, and whether a line joins them."""
    if isinstance(table, Surface):
        return table.raw[:, table.sensors.index(joint)], False
    return table.raw, True


def _statistics(errors: np.ndarray) -> dict[str, float]:
    seen = 1e3 * errors[np.isfinite(errors)]
    return {"rms": _rms(seen), "p50": float(np.percentile(seen, 50)), "p95": float(np.percentile(seen, 95))}


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _degrees(angles: np.ndarray) -> list[float]:
    return np.degrees(angles).tolist()
