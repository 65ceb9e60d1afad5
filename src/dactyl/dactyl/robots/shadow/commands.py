"""What Shadow's hand adds to the command line: calibrate joints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from dactyl import topics
from dactyl.commands.app import Commands
from dactyl.commands.arguments import Json
from dactyl.errors import DactylError
from dactyl.ranges import Count, Seed

if TYPE_CHECKING:
    from dactyl.robot.markers import MarkerLayout
    from dactyl.robots.shadow.calibration.truth_points import Curve, Surface


def add(groups: Mapping[str, Commands]) -> None:
    """Add the commands to the groups of the command line, by their names."""
    groups["calibrate"].command(name="joints")(joints)


def joints(
    bag: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="BAG")] = None,
    /,
    factory: Path | None = None,
    out: Path = Path("calibration.yaml"),
    plot: Path | None = None,
    sensors: str = "/joint_sensors",
    markers: str = topics.absolute(topics.MARKERS),
    config: Path | None = None,
    moments: Count = 1000,
    synthetic: bool = False,
    seed: Seed = 0,
    json: Json = None,
) -> None:
    """Refine the calibration of the joint sensors against motion capture of the fingertips, from a recorded bag.

    Reads and writes Shadow's own calibration file, coupled tables of the thumb included. Appendix B.5.

    For example:
      ./dactyl calibrate joints my_bag --factory calibration.yaml --out refined.yaml --plot refined.png
      ./dactyl calibrate joints my_bag --factory calibration.yaml --sensors /rh/debug_etherCAT_data
      ./dactyl calibrate joints --synthetic --seed 1 --json joints.json

    Args:
        bag: with raw sensors and markers; docs/calibration.md says how to record it
        factory: calibration to begin with (sr_calibrations, sr_calibrations_coupled)
        out: calibration to write
        plot: also draw the curves and errors, as PNG
        sensors: topic of the raw readings: JointState by sensor's name, or Shadow's EthercatDebug
        markers: topic of the markers
        config: parameter file with the marker table; config/real.yaml by default
        moments: at most so many, evenly spread over the bag
        synthetic: in place of a bag, a simulated hand of known truth with the paper's noise
        seed: of the synthetic hand
    """
    from dactyl import results
    from dactyl.robots.shadow.calibration import joint_bag, joint_report
    from dactyl.robots.shadow.calibration import synthetic as hands
    from dactyl.robots.shadow.calibration.hall import load, save
    from dactyl.robots.shadow.calibration.joints import Kinematics, calibrate
    from dactyl.simulation.scene import build
    from dactyl.status_line import StatusLine
    from dactyl.storage import pictures

    if (bag is None) == (not synthetic) or (bag and not factory):
        raise DactylError("name either a BAG and its --factory calibration, or --synthetic")
    for path in filter(None, (out, json)):
        results.check_writable(path)
    if plot:
        pictures.check(plot, pictures.DRAWINGS)
    loaded = load(factory) if factory else None
    scene, known = build(), None
    if bag and loaded:
        curves: Mapping[str, Curve | Surface] = loaded
        recording = joint_bag.read(bag, _marker_layout(config), sensors, markers, moments)
    else:
        known = hands.record(scene, seed, moments, factory=loaded)
        curves, recording = known.factory, known.recording
    with StatusLine(f"fitting {len(curves)} joints"):
        fit = calibrate(scene, curves, recording)
    found = joint_report.results(fit)
    if known:
        found["truth"] = joint_report.against_truth(Kinematics(scene), fit, known)
    refined = loaded.replaced(fit.calibrated.curves) if loaded else fit.calibrated.curves
    save(out, refined, "refined against motion capture by dactyl calibrate joints; degrees")
    if json:
        results.write(json, "calibrate joints", seed if synthetic else None, found)
    if plot:
        joint_report.plot(plot, fit, known.truth if known else None)
    print("\n".join([joint_report.as_text(found), *map(str, filter(None, (out, plot)))]))


def _marker_layout(config: Path | None) -> MarkerLayout:
    """The marker table of a parameter file."""
    import numpy as np

    from dactyl.robot.markers import MarkerLayout
    from dactyl.storage.documents import read_yaml
    from dactyl.storage.shared import shared

    path = config or shared("config", "real.yaml")
    content = read_yaml(path, "the parameters")
    try:
        table: dict[str, Any] = content[topics.NAMESPACE]["fingertip_tracker"]["ros__parameters"]
        base, on_object = (
            np.reshape(np.array(table[f"{name}_positions"], float), (-1, 3)) for name in ("base", "object")
        )
        fingertips, base_ids, object_ids = (list(table[f"{name}_ids"]) for name in ("fingertip", "base", "object"))
        return MarkerLayout(fingertips, base_ids, base, object_ids, on_object)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DactylError(f"{path} has no marker table of the fingertip tracker: {error}") from error
