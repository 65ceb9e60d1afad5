"""What a calibration of a model has changed, in figures and as a plot."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from dactyl.calibration.model.fit import Calibration, Found
from dactyl.calibration.model.space import Space
from dactyl.errors import DactylError
from dactyl.robot.parameters import ACTUATOR_PARAMETERS, COUPLING_PARAMETERS, JOINT_PARAMETERS, Key, paper_count
from dactyl.storage.files import write_atomically


def results(calibration: Calibration, truth: np.ndarray | None = None) -> dict[str, Any]:
    """Joint-angle errors after 1 s on held-out windows, rms in degrees; what each method found and took."""
    space = calibration.space
    return {
        "robot": space.robot.name,
        "parameters": {"numbers": len(space.nominal), "as_the_paper_counts": paper_count(space.robot)},
        "windows": dict(zip(("fitted", "held_out"), calibration.windows, strict=True)),
        "error_deg": {
            "before": _by_group(calibration, calibration.before),
            **({} if calibration.truth is None else {"truth": _by_group(calibration, calibration.truth)}),
        },
        "methods": {
            found.method: {
                "error_deg": _by_group(calibration, found.held_out),
                "fitted_error_deg": _degrees(found.fitted),
                "changed": len(found.changes),
                "seconds": found.seconds,
                "steps": found.steps,
                **({} if truth is None else {"distance": distance(space, found.vector, truth)}),
            }
            for found in calibration.found
        },
        "best": calibration.best.method,
        "changes": {str(key): value for key, value in calibration.best.changes.items()},
        "cannot_be_told": {
            "no_effect": [str(key) for key in calibration.telling.silent],
            "only_with_another": {str(key): str(other) for key, other in calibration.telling.together.items()},
        },
    }


def distance(space: Space, vector: np.ndarray, truth: np.ndarray) -> dict[str, list[float]]:
    """How far the model's and the found parameters are from the truth, by kind: rms, as shares between the bounds."""
    before, after = (space.to_unit(values) - space.to_unit(truth) for values in (space.nominal, vector))
    found = {}
    for name in (*JOINT_PARAMETERS, *ACTUATOR_PARAMETERS, *COUPLING_PARAMETERS):
        own = [i for i, key in enumerate(space.keys) if key.parameter == name and space.sought[i]]
        if own:
            found[name] = [float(np.sqrt(np.mean(np.square(off[own])))) for off in (before, after)]
    return found


def as_text(calibration: Calibration) -> str:
    """The results for people."""
    space, best, telling = calibration.space, calibration.best, calibration.telling
    fitted, held_out = calibration.windows
    lines = [
        f"{len(space.nominal)} parameters ({paper_count(space.robot)} as the paper counts them), "
        f"{fitted} windows fitted, {held_out} held out",
        "joint angles after 1 s, rms error on what was held out:",
        f"{'':16}{'as it was':>10}" + "".join(f"{found.method:>15}" for found in calibration.found)
        + (f"{'truth':>8}" if calibration.truth is not None else ""),
    ]  # fmt: skip
    for i, group in enumerate(calibration.groups):
        lines.append(_row(calibration, group.name, slice(i, i + 1)))
    lines.append(_row(calibration, "all", slice(None)))
    lines += [_effort(found) for found in calibration.found]
    lines.append(f"{best.method}: {len(best.changes)} parameters changed")
    lines.append(f"{len(telling.silent)} have no effect in this recording: {_kinds(telling.silent)}")
    lines.append(f"{len(telling.together)} show only together with others: {_kinds(list(telling.together))}")
    return "\n".join(lines)


def _row(calibration: Calibration, name: str, groups: slice) -> str:
    cells = f"{name:16}{_degrees(calibration.before[groups]):9.2f}°"
    cells += "".join(f"{_degrees(found.held_out[groups]):14.2f}°" for found in calibration.found)
    return cells + (f"{_degrees(calibration.truth[groups]):7.2f}°" if calibration.truth is not None else "")


def _effort(found: Found) -> str:
    return f"{found.method}: {found.seconds:.0f} s, {found.steps / 1e6:.1f} million physics steps"


def _kinds(keys: list[Key]) -> str:
    """Keys by parameter: "margin of FFJ3, FFJ4"."""
    parts: dict[str, list[str]] = {}
    for key in keys:
        parts.setdefault(key.parameter, []).append(key.part)
    return "; ".join(f"{name} of {', '.join(of)}" for name, of in parts.items()) or "none"


def plot(path: Path, calibration: Calibration) -> None:
    """Errors after 1 s by joint, before and after; each parameter's change, and what remains open."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    space, ends = calibration.space, calibration.ends
    joints = space.robot.joints
    figure = Figure(figsize=(15, 11))
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1)
    places = np.arange(len(joints))
    for shift, name in ((-0.2, "before"), (0.2, "after")):
        rms = np.degrees(np.sqrt(np.nanmean(np.square(ends[name] - ends["measured"]), axis=0)))
        upper.bar(places + shift, rms, 0.4, label=name)
    upper.set_xticks(places, joints, rotation=60)
    upper.set_ylabel("joint angle after 1 s, rms error, degrees")
    upper.set_title(f"{space.robot.title}, {calibration.best.method}: held-out windows")
    upper.legend()
    kinds = [*JOINT_PARAMETERS, *ACTUATOR_PARAMETERS, *(COUPLING_PARAMETERS if space.robot.couplings else ())]
    change = space.to_unit(calibration.best.vector) - space.to_unit(space.nominal)
    for row, kind in enumerate(kinds):
        own = [i for i, key in enumerate(space.keys) if key.parameter == kind and space.sought[i]]
        spread = row + np.linspace(-0.3, 0.3, len(own))
        lower.errorbar(
            change[own],
            spread,
            xerr=calibration.telling.deviation[own],
            fmt="o",
            markersize=3,
            linewidth=0.6,
            alpha=0.8,
        )
    lower.set_yticks(range(len(kinds)), kinds)
    lower.axvline(0.0, color="0.6")
    lower.set_xlabel("change of each parameter, as a share of the way between its bounds; bars: what remains open")
    figure.tight_layout()
    picture = io.BytesIO()
    figure.savefig(picture, dpi=100, format="png")
    try:
        write_atomically(path, picture.getvalue())
    except OSError as error:
        raise DactylError(f"cannot write {path}: {error.strerror}") from error


def _by_group(calibration: Calibration, errors: np.ndarray) -> dict[str, float]:
    names = [group.name for group in calibration.groups]
    return {**{name: _degrees(errors[i : i + 1]) for i, name in enumerate(names)}, "all": _degrees(errors)}


def _degrees(errors: np.ndarray) -> float:
    return float(np.degrees(np.sqrt(np.mean(errors))))
