"""Presets of the experiments' trainings, as data of their own: a change of a shipped preset does not change them.

All learn as the shipped ones do (docs/training.md): actions are postures, rewards and networks are the CPU's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SEEN = (
    "fingertip_positions", "object_position", "symmetric_orientation", "relative_target_orientation", "smoothed_action",
)  # fmt: skip
"""By policies that could act on a hand."""
TRUTH = (
    "fingertip_positions", "object_position", "symmetric_orientation", "relative_target_orientation", "joint_angles",
    "joint_velocities", "object_velocity", "object_angular_velocity", "smoothed_action",
)  # fmt: skip
"""By value networks, and by models/block-teacher: the same, or it could not be imitated."""
TEACHER = "models/block-teacher"
LSTM: Mapping[str, Any] = {"dense": [256], "lstm": 256}
FEED_FORWARD: Mapping[str, Any] = {"dense": [256, 256], "lstm": 0}
VALUE: Mapping[str, Any] = {"dense": [256, 128], "lstm": 0}
FINE = 0.2
"""Last share of a training, in which physics has the evaluation's steps and learning goes slowly."""
_TINY: Mapping[str, Any] = {
    "num_envs": 8,
    "total_steps": 8 * 64 * 3,
    "collection": {"horizon": 64, "sequence": 8},
}


def student(
    randomization: Any,
    steps: int,
    *,
    imitation: int = 0,
    policy: Mapping[str, Any] = LSTM,
    value: Mapping[str, Any] = VALUE,
    quick: bool = False,
) -> dict[str, Any]:
    """A policy that sees what sensors see: it imitates the teacher for a while, then learns by PPO.

    Args:
        randomization: of the world that it learns in, as presets have it.
        steps: control steps in all.
        imitation: of them in which it imitates; all of them, or PPO follows.
        policy: sizes of its network.
        value: sizes of the value network.
        quick: a few steps of a few environments.
    """
    imitating: dict[str, Any] = {"imitation": 1.0, "ppo": {"learning_rate": 6e-4, "minibatch": 2048, "minibatches": 32}}
    fine: dict[str, Any] = {"ppo": {"learning_rate": 5e-5}, "environment": {"substeps": 10}}
    stages: list[dict[str, Any]] = [{**imitating, "until_steps": imitation}] if imitation else []
    if imitation < steps:
        stages += [{"until_steps": round((1.0 - FINE) * (steps - imitation)) + imitation}, fine]
    stages[-1].pop("until_steps", None)
    made: dict[str, Any] = {
        "num_envs": 1024,
        "total_steps": steps,
        "seed": 0,
        "teacher": TEACHER if imitation else None,
        "policy": dict(policy),
        "value": dict(value),
        "collection": {"horizon": 64, "sequence": 32},
        "ppo": {
            "gamma": 0.99, "lam": 0.95, "entropy": 0.0, "learning_rate": 1.5e-4, "minibatch": 8192, "minibatches": 16,
        },
        "environment": {
            "action_origin": "middle", "substeps": 5, "reset_pool": 0.04, "randomization": randomization,
            "rules": {"timeout": 24.0}, "policy_terms": list(SEEN), "value_terms": list(TRUTH),
            "reward": {"progress": 1.0, "success": 5.0, "drop": -60.0, "timeout": -15.0},
        },
        "stages": stages,
    }  # fmt: skip
    return tiny(made) if quick else made


def teacher(
    steps: int,
    *,
    num_envs: int = 1024,
    minibatch: int = 8192,
    scene: Mapping[str, Any] | None = None,
    environment: Mapping[str, Any] | None = None,
    gammas: Sequence[float] = (0.93, 0.98),
    lam: float = 0.9,
    quick: bool = False,
) -> dict[str, Any]:
    """A policy that sees everything, in a world without randomizations, from nothing: short foresight, then longer.

    Args:
        steps: control steps in all; a quarter of them with the shorter foresight.
        num_envs: environments.
        minibatch: control steps in a gradient step.
        scene: changes of the scene.
        environment: changes of the environment.
        gammas: discount factors of the two stages.
        lam: of GAE, in both.
        quick: a few steps of a few environments.
    """
    made: dict[str, Any] = {
        "num_envs": num_envs,
        "total_steps": steps,
        "seed": 0,
        "policy": dict(VALUE),
        "value": dict(VALUE),
        "collection": {"horizon": 32, "sequence": 32},
        "ppo": {
            "lam": lam, "entropy": 0.0, "learning_rate": 6e-4, "kl_target": 0.02, "minibatch": minibatch,
            "minibatches": 16,
        },
        "environment": {
            "action_origin": "middle", "substeps": 5, "reset_pool": 0.04, "randomization": "none",
            "policy_terms": list(TRUTH), "value_terms": list(TRUTH),
            "reward": {"progress": 1.0, "success": 5.0, "drop": -8.0}, "scene": dict(scene or {}),
            **(environment or {}),
        },
        "stages": [
            {"until_steps": steps // 4, "ppo": {"gamma": gammas[0]}},
            {"ppo": {"gamma": gammas[1]}, "environment": {"rules": {"timeout": 24.0}}},
        ],
    }  # fmt: skip
    return tiny(made) if quick else made


def grasp(
    steps: int,
    *,
    seed: int = 0,
    objects: Sequence[str] = ("cylinder",),
    starts: bool = True,
    shown: bool = True,
    scene: Mapping[str, Any] | None = None,
    quick: bool = False,
) -> dict[str, Any]:
    """A GR1's grasp and reach with one arm, nothing randomized: much as models/gr1-right-grasp-and-reach learned it.

    Args:
        steps: control steps in all.
        seed: of the training.
        objects: to grasp; environments are shared out among them.
        starts: some episodes begin along the robot's scripts.
        shown: first it does as the scripts did, and keeps an eye on them until the end.
        scene: changes of the scene.
        quick: a few steps of a few environments.
    """
    imitating = {"minibatch": 512, "minibatches": 120, "learning_rate": 4e-4}
    showing = [{"until_steps": 50_000, "demonstrated": 1.0, "ppo": imitating}, {"demonstrated": 0.2}]
    made: dict[str, Any] = {
        "num_envs": 8 * len(objects) * (32 // len(objects)),  # shared out evenly among up to 8 workers too
        "total_steps": steps,
        "seed": seed,
        "deviation": 0.025 if shown else 0.2,
        "policy": {"dense": [512, 512, 512], "lstm": 0},
        "value": {"dense": [512, 512, 512], "lstm": 0},
        "collection": {"horizon": 16, "sequence": 16, "hold": 2, "stagger": 30},
        "ppo": {
            "gamma": 0.97, "lam": 0.95, "entropy": 0.0, "bounds": 1e-4, "learning_rate": 1e-4, "minibatch": 1024,
            "minibatches": 20,
        },
        "environment": {
            "task": "grasp_and_reach", "action_origin": "middle", "action_scale": 1.0, "substeps": 12,
            "randomization": "none", "reset_pool": 0.0, "scripted_starts": 0.4 if starts else 0.0,
            "reward": {"contact_around": 0.5, "object_goal": 1.0, "lift": 0.5, "stage_bonus": 5.0},
            "scene": {"robot": "gr1_right", "object": objects[0], **(scene or {})},
        },
        "stages": showing if shown else [{}],
    }  # fmt: skip
    if shown:
        made["scripts"] = 250 if len(objects) == 1 else 80  # of each
    if len(objects) > 1:
        made["objects"] = list(objects)
    if not quick:
        return made
    small = {**tiny(made), "num_envs": 8 * len(objects)}
    return {**small, "scripts": 8} if shown else small


def tiny(preset: Mapping[str, Any]) -> dict[str, Any]:
    """The same preset for eight environments, small networks and three batches: it shows that it runs."""
    made = {**preset, **_TINY}
    made["policy"] = {"dense": [16], "lstm": 8 if preset["policy"]["lstm"] else 0}
    made["value"] = {"dense": [16], "lstm": 8 if preset["value"]["lstm"] else 0}
    small = {"minibatch": 64, "minibatches": 2}
    made["ppo"] = {**preset["ppo"], **small}
    # episodes that end at once, for a curve of a few seconds needs some
    made["environment"] = {**preset["environment"], "reset_pool": 0.5, "start_steps": 3}
    made["environment"]["rules"] = {**preset["environment"].get("rules", {}), "timeout": 1.0}
    made["stages"] = [_small_stage(stage, i, len(preset["stages"]), small) for i, stage in enumerate(preset["stages"])]
    return made


def _small_stage(stage: Mapping[str, Any], number: int, stages: int, small: Mapping[str, int]) -> dict[str, Any]:
    made = dict(stage)
    if "ppo" in made:
        made["ppo"] = {**made["ppo"], **small}
    if number + 1 < stages:
        made["until_steps"] = 8 * 64 * (number + 1)
    if "rules" in made.get("environment", {}):
        made["environment"] = {key: value for key, value in made["environment"].items() if key != "rules"}
    return made
