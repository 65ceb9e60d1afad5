"""From a specialist's policy file to a file of demonstrations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dactyl.environment.environment import Environment
from dactyl.learning import checkpoint, demonstrations
from dactyl.learning.evaluation import environment_config, randomizations, trial_rules
from dactyl.learning.options import DemonstrateOptions
from dactyl.learning.policy import Policy
from dactyl.ranges import check_options

DEFAULTS = DemonstrateOptions()


def demonstrate(out: Path, options: DemonstrateOptions = DEFAULTS) -> dict[str, Any]:
    """Let a specialist act under the conditions of an evaluation, and write what succeeded.

    Returns:
        file, policy, object, rows, ended and kept (episodes).

    Raises:
        DactylError: no such policy, nothing succeeded, or the file cannot be written.
    """
    check_options(options)
    file = checkpoint.find_policy(options.policy)
    policy = Policy.load(file)
    contract = policy.contract
    rules = trial_rules(contract, options.rules)
    config = environment_config(contract, randomizations(contract, options), options.calibration, rules, options.on)
    config = replace(config, images=tuple(dict.fromkeys((*config.images, *options.images))))
    environment = Environment(config, options.environments, seed=options.seed, threads=options.threads)
    found = demonstrations.collect(policy, environment, options.steps, options.seed, str(file))
    demonstrations.save(out, found)
    about = found.about
    return {
        "file": str(out),
        "policy": str(file),
        "object": config.scene.object,
        "rows": len(found),
        "ended": about.ended,
        "kept": about.kept,
    }


def as_text(outcome: Mapping[str, Any]) -> str:
    """The outcome for people."""
    return f"{outcome['file']}: {outcome['kept']} of {outcome['ended']} episodes, {outcome['rows']:,} rows"
