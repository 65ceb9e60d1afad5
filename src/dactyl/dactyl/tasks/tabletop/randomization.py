"""What "all randomizations" are for these tasks: Table IV of the paper (Lin et al.), with its units where it has none.

"Initial position (cm) ±0.02" is read as metres, as are the noise of 0.02 on the object's position and the 0.005 of the
depth camera, whose numbers are taken for the ends of even ranges. Noise of N(0, 0.4) on
joints and of N(0, 0.1) on actions can hardly be radians: degrees are meant here, an action's over an average range of
3 rad. "Random force scale 2.0" is m/s² times the object's mass, as in Isaac Gym's public tasks. The force fades by 0.99
every 0.1 s. Object and hand have the larger of their two frictions, so that one range stands for both. P and D gains
are drawn on a logarithmic scale, which in ranges so narrow is as good as even. Starts are in `TabletopRules`.
"""

from __future__ import annotations

from dataclasses import replace
from math import radians

from dactyl.environment.randomization import RandomizationConfig
from dactyl.environment.randomization.observation_noise import ObservationNoise
from dactyl.environment.randomization.physics import PhysicsRandomization
from dactyl.environment.randomization.unmodeled_effects import NO_EFFECTS
from dactyl.objects.primitives import MASS, MASSES

_ALWAYS = (1.0, 1.0)
_HALF_RANGE = 1.5
"""rad, an average actuator's."""

RANDOMIZATION = RandomizationConfig(
    observation_noise=ObservationNoise(
        fingertip_correlated=0.0,
        fingertip_uncorrelated=0.0,
        object_position_correlated=0.0,
        object_position_uncorrelated=0.02,  # m
        object_orientation_correlated=0.0,
        object_orientation_uncorrelated=0.0,  # no policy sees it
        fingertip_marker=0.0,
        base_marker=0.0,
        joint_uncorrelated=radians(0.4),
        depth_position=0.005,  # m
        depth_rotation=radians(5.0),
        depth_view=radians(5.0),
    ),
    physics=PhysicsRandomization(
        object_dimensions=(0.95, 1.05),
        masses=(MASSES[0] / MASS, MASSES[1] / MASS),
        robot_masses=_ALWAYS,
        friction=(0.5, 1.5),
        joint_damping=(0.7, 1.2),
        actuator_gains=(0.8, 1.1),
        joint_limits=0.0,
        gravity=0.0,
        gravity_compensation=_ALWAYS,
    ),
    unmodeled_effects=replace(
        NO_EFFECTS,
        action_noise_uncorrelated=radians(0.1) / _HALF_RANGE / 2.0,  # of the action's range of 2
        force_probability=(0.2, 0.2),
        force_acceleration=2.0,  # m/s²
        force_decay=0.99**2,  # a control step is 0.2 s
        action_lag=0.1,
        frame_lag=0.1,
    ),
)
