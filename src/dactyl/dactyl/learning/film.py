"""A policy's trial as a moving picture: what the robot does, and beside it the goal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from dactyl.environment.environment import Environment
from dactyl.errors import DactylError
from dactyl.learning import checkpoint
from dactyl.learning.evaluation import environment_config, randomizations, reason, trial_rules
from dactyl.learning.options import FilmOptions
from dactyl.learning.policy import Policy
from dactyl.maths import quaternion
from dactyl.ranges import check_options
from dactyl.simulation.rendering import SceneRenderer
from dactyl.simulation.video import write_video

DEFAULTS = FilmOptions()
FORMATS = (".gif", ".mp4")
COLOURS = 64  # of a GIF
_INK, _PAPER = (30, 30, 30), (235, 235, 235)


def film(out: Path, options: FilmOptions = DEFAULTS) -> str:
    """Play one trial of the evaluation and write it as a video, in real time; says how it went.

    Args:
        out: a file ending in .gif or .mp4.
        options: see there.

    Raises:
        DactylError: no such policy or format, or the file cannot be written.
    """
    seconds, width, every = options.seconds, options.width, options.every
    if out.suffix.lower() not in FORMATS:
        raise DactylError(f"cannot film to {out}: its name must end in {' or '.join(FORMATS)}")
    check_options(options)
    take = _Take(options)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        steps = round(seconds / take.period)
        if out.suffix.lower() == ".gif":
            _write_gif(take.frames(steps, width, every), out, every * take.period)
        else:
            write_video(take.frames(steps, width), out, 1.0 / take.period)
    except OSError as error:
        raise DactylError(f"cannot write the film {out}: {error.strerror or error}") from error
    return f"{out}: {take.successes} goals in {take.seconds:.1f} s, then {take.ending}"


class _Take:
    """One trial, and how it went so far."""

    def __init__(self, options: FilmOptions) -> None:
        self._policy = policy = Policy.load(checkpoint.find_policy(options.policy))
        self._deterministic = options.actions == "most-likely"
        chosen, rules = randomizations(policy.contract, options), trial_rules(policy.contract, options.rules)
        config = environment_config(policy.contract, chosen, options.calibration, rules, options.on)
        self._environment = Environment(config, seed=options.seed, threads=1)
        self._generator = torch.Generator().manual_seed(options.seed)
        self.period = self._environment.control_period
        self.successes = 0
        self.seconds = 0.0
        self.ending = "the film's end"

    def frames(self, steps: int, width: int, every: int = 1) -> Iterator[np.ndarray]:
        """(height, width, 3) RGB before every so many control steps, until the trial ends."""
        environment, policy = self._environment, self._policy
        observed, state = environment.reset(), policy.initial_state(1)
        scene, task = environment.scene, environment.task
        places = tuple(environment.robot.cameras.places)
        camera = places[len(places) // 2]
        with SceneRenderer(scene, width, 3 * width // 4, fine=True) as renderer:
            for step in range(steps):
                if step % every == 0:
                    goal = environment.state_dict()["goal"][0].double().numpy()
                    position, orientation = task.goal_pose(goal, environment.robot)
                    # a goal at the object's place of rest is about its orientation alone: it is shown beside
                    turns = np.array_equal(position, environment.robot.workspace.rest)
                    place = scene.hand_position + quaternion.rotate(scene.hand_quaternion, np.asarray(position))
                    qpos = environment.physics.state.qpos[0].numpy()
                    turn = quaternion.multiply(scene.hand_quaternion, orientation)
                    picture = renderer.render(qpos, camera, turn, place=None if turns else place)
                    yield self._caption(np.ascontiguousarray(picture))
                actions, state = policy.step(observed, state, self._deterministic, self._generator)
                outcome = environment.step(actions)
                observed = outcome.observations
                self.successes, self.seconds = int(outcome.info["successes"][0]), (step + 1) * self.period
                if bool(outcome.terminated[0] | outcome.truncated[0]):
                    self.ending = reason(outcome, 0)
                    return

    def _caption(self, picture: np.ndarray) -> np.ndarray:
        goals = "1 goal" if self.successes == 1 else f"{self.successes} goals"
        text, size = f"{goals}  {self.seconds:.0f} s", picture.shape[1] / 640
        for colour, thickness in ((_PAPER, 4), (_INK, 1)):
            cv2.putText(
                picture, text, (8, round(30 * size)), cv2.FONT_HERSHEY_SIMPLEX, size, colour, thickness, cv2.LINE_AA
            )
        return picture


def _write_gif(frames: Iterator[np.ndarray], out: Path, period: float) -> None:
    """All frames with the same few colours, so that what stands still costs nothing; `period`: of a frame, s."""
    kept = [Image.fromarray(frame) for frame in frames]
    samples = kept[:: 1 + len(kept) // 16]
    palette = Image.fromarray(np.vstack([np.asarray(frame) for frame in samples])).quantize(COLOURS)
    reduced = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in kept]
    reduced[0].save(out, save_all=True, append_images=reduced[1:], duration=round(1000 * period), loop=0)
