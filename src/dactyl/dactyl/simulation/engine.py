"""How MuJoCo solves a scene's equations of motion: what may differ between two engines that simulate the same robot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mujoco

from dactyl.errors import DactylError, choose_from

INTEGRATORS = {
    "euler": mujoco.mjtIntegrator.mjINT_EULER,
    "rk4": mujoco.mjtIntegrator.mjINT_RK4,
    "implicit": mujoco.mjtIntegrator.mjINT_IMPLICIT,
    "implicitfast": mujoco.mjtIntegrator.mjINT_IMPLICITFAST,
}
SOLVERS = {
    "pgs": mujoco.mjtSolver.mjSOL_PGS,
    "cg": mujoco.mjtSolver.mjSOL_CG,
    "newton": mujoco.mjtSolver.mjSOL_NEWTON,
}
CONES = {"pyramidal": mujoco.mjtCone.mjCONE_PYRAMIDAL, "elliptic": mujoco.mjtCone.mjCONE_ELLIPTIC}
_CHOICES: Mapping[str, Mapping[str, Any]] = {"integrator": INTEGRATORS, "solver": SOLVERS, "cone": CONES}
MOST = 1e9
"""Below which every number is: MuJoCo counts iterations in 32 bits."""
_NUMBERS = ("iterations", "impratio", "contact_time", "contact_damping")


@dataclass(frozen=True)
class Engine:
    """What is empty or 0 stays as the robot's model has it."""

    integrator: str = ""
    """One of `INTEGRATORS`."""
    solver: str = ""
    """One of `SOLVERS`."""
    cone: str = ""
    """Of friction, one of `CONES`."""
    iterations: int = 0
    """Of the solver, at most."""
    impratio: float = 0.0
    """How much stiffer friction is than the contact's normal force."""
    contact_time: float = 0.0
    """s, time constant with which every contact gives way: more is softer."""
    contact_damping: float = 0.0
    """Damping ratio of every contact."""

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            if (chosen := getattr(self, name)) and chosen not in known:
                raise DactylError(f"engine {name} {chosen!r}: {choose_from(chosen, known)}")
        for name in _NUMBERS:
            if not 0 <= (number := getattr(self, name)) < MOST:
                raise DactylError(f"engine {name} = {number} must be >= 0 and below {MOST:g}")


def apply(model: mujoco.MjModel, engine: Engine) -> None:
    """Give a compiled model the engine's settings, in place."""
    for name, known in _CHOICES.items():
        if chosen := getattr(engine, name):
            setattr(model.opt, name, int(known[chosen]))
    if engine.iterations:
        model.opt.iterations = engine.iterations
    if engine.impratio:
        model.opt.impratio = engine.impratio
    for solref in (model.geom_solref, model.pair_solref):
        for column, value in enumerate((engine.contact_time, engine.contact_damping)):
            if value:
                solref[:, column] = value
