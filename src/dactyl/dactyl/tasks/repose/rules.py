"""When a goal pose counts as reached, and which goals there are: the difficulties of the Real Robot Challenge."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, pi, radians, sqrt

from dactyl.environment.trial import TrialRules
from dactyl.errors import DactylError

HALF = 0.0325  # m, of the cube's edge
ARENA_RADIUS = 0.195  # m
CENTRE_RADIUS = ARENA_RADIUS - sqrt(3) * HALF
"""m from the middle of the arena that the cube's centre can be, however it is turned: 0.139."""
DIFFICULTIES = (1, 2, 3, 4)


@dataclass(frozen=True, kw_only=True)
class ReposeRules(TrialRules):
    """The defaults are those of the paper's evaluations: after 15 s the cube must be where its goal is.

    Difficulty 1: on the table; 2: 5 cm above its middle; 3: in the air; 4: in the air, and turned anyhow. Only 4 asks
    for an orientation.
    """

    difficulty: int = 4
    planar: bool = False
    """With difficulty 1: goals are turned about the vertical, and judged by that. A step before 4; not the paper's."""
    position_tolerance: float = 0.02
    """m; nearer counts as there."""
    rotation_tolerance: float = radians(22.0)
    """rad"""
    at_end: bool = True
    """Whether only the pose when the time is up counts; else a goal is reached as soon as the cube is there."""
    on_table: float = 0.0
    """Share of the goals of difficulty 3 or 4 that are of difficulty 1 instead: one training serves all."""
    goal_radius: float = CENTRE_RADIUS
    """m from the middle of the arena, within which goals are."""
    most_turned: float = pi
    """rad; goals that are judged by their orientation are turned by at most this from the cube's."""
    start_radius: float = CENTRE_RADIUS
    """m from there, within which the cube is at first."""
    any_face: bool = True
    """Whether it lies on any of its faces at first; else on the same one."""
    timeout: float = 15.0
    max_successes: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.difficulty not in DIFFICULTIES:
            raise DactylError(f"trial rules: difficulty {self.difficulty} is none of 1, 2, 3, 4")
        if self.planar and self.difficulty != 1:
            raise DactylError(f"trial rules: planar goals lie on the table, at difficulty 1, not {self.difficulty}")
        if not 0 <= self.on_table <= 1 or (self.on_table and self.difficulty < 3):
            raise DactylError(
                f"trial rules: on_table {self.on_table} at difficulty {self.difficulty}: it must be a share from 0 to "
                "1, and only difficulties 3 and 4 can have one"
            )
        if not (self.position_tolerance > 0 and self.rotation_tolerance > 0):
            raise DactylError(
                f"trial rules: tolerances {self.position_tolerance} m and {self.rotation_tolerance} rad must be > 0"
            )
        if not 0 < self.most_turned <= pi:
            raise DactylError(f"trial rules: most_turned {self.most_turned} rad must be above 0 and at most pi")
        for name in ("goal_radius", "start_radius"):
            if not 0 <= getattr(self, name) <= CENTRE_RADIUS:
                raise DactylError(f"trial rules: {name} {getattr(self, name)} m must be from 0 to {CENTRE_RADIUS:.4f}")

    @property
    def turns(self) -> bool:
        """Whether goals are judged by their orientation too."""
        return self.planar or self.difficulty == 4

    @property
    def tolerances(self) -> tuple[float, ...]:
        return (self.position_tolerance, self.rotation_tolerance if self.turns else inf)

    @property
    def judged_at_timeout(self) -> bool:
        return self.at_end
