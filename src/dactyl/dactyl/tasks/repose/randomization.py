"""What "all randomizations" are for this task: those of the paper's public code (IsaacGymEnvs, `Trifinger.yaml`).

What that code scales to [-1, 1] is here in its own unit: 0.002 of 0.3 m, of an angle's two quaternion halves, of half
an average joint's range. Its friction of the table alone, 0.5 to 1.5, is left out: MuJoCo takes the larger friction of
two surfaces, the cube's. So is its noise on the joints' velocities, which no sensor here has.
The tracker's rate and delay are trifinger_simulation's, "based on real robot data".
"""

from __future__ import annotations

from dataclasses import replace

from dactyl.environment.randomization import RandomizationConfig
from dactyl.environment.randomization.observation_noise import ObservationNoise
from dactyl.environment.randomization.physics import PhysicsRandomization
from dactyl.environment.randomization.unmodeled_effects import NO_EFFECTS

_ALWAYS = (1.0, 1.0)

RANDOMIZATION = RandomizationConfig(
    observation_noise=ObservationNoise(
        fingertip_correlated=0.0,
        fingertip_uncorrelated=0.0,
        object_position_correlated=0.0,
        object_position_uncorrelated=0.0006,  # m
        object_orientation_correlated=0.0,
        object_orientation_uncorrelated=0.004,  # rad
        fingertip_marker=0.0,
        base_marker=0.0,
        joint_uncorrelated=0.0019,  # rad
    ),
    physics=PhysicsRandomization(
        object_dimensions=(0.97, 1.03),
        masses=(0.7, 1.3),
        friction=(0.7, 1.3),
        joint_damping=_ALWAYS,
        actuator_gains=_ALWAYS,
        joint_limits=0.01,  # rad
        gravity=0.4,  # m/s²
        gravity_compensation=(0.0, 0.0),
    ),
    unmodeled_effects=replace(
        NO_EFFECTS,
        action_noise_uncorrelated=0.01,  # of the action's range of 2
        action_noise_correlated=0.005,
        pose_period=0.1,  # s
        pose_delay=0.09,  # s
    ),
)
