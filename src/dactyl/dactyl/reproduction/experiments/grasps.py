"""Section 6.1 and Figure 7: which grasps the policies use, and whether they pivot and gait with their fingers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from dactyl.environment.environment import Environment
from dactyl.errors import DactylError
from dactyl.learning.policy import Policy
from dactyl.reproduction import grips, pictures, worlds
from dactyl.reproduction.experiment import Experiment, Here, Results, Row, Size, Step
from dactyl.reproduction.grips import Record, Span
from dactyl.simulation.contacts import ContactReader
from dactyl.simulation.rendering import SceneRenderer
from dactyl.simulation.scene import Scene, build
from dactyl.status_line import StatusLine
from dactyl.storage import models
from dactyl.storage import pictures as files
from dactyl.storage.shared import shared
from dactyl.vision.states import object_poses

MODELS = {"block": "models/block", "locked-wrist": "models/block-locked-wrist"}
"""By what steps call them."""
FINGERS = {"FF": "index finger", "MF": "middle finger", "RF": "ring finger", "LF": "little finger", "TH": "thumb"}
"""What people call the hand's."""
THUMB = "TH"
TRIALS, SECONDS = 64, 120.0
FRAMES, WIDTH = 5, 200
"""Pictures in a strip, and pixels of each."""
STRIPS = "strips.jpg"
SHOWN = 375
"""Control steps of the longest trial whose contacts are shown one after the other: 30 s."""


def play(
    policy: Policy, trials: int, steps: int, seed: int, threads: int
) -> tuple[Scene, list[np.ndarray], list[Record]]:
    """Let a policy turn the object, each trial until it ends, and record who touches it where.

    Returns:
        The scene; for each trial its states (T, nq) and its record.
    """
    environment = Environment(
        worlds.config_of(policy.contract, worlds.training_world("all")), trials, seed=seed, threads=threads
    )
    generator = torch.Generator().manual_seed(seed)
    observations, state = environment.reset(), policy.initial_state(trials)
    factors = environment.factors
    running = torch.ones(trials, dtype=torch.bool)
    visited: list[list[np.ndarray]] = [[] for _ in range(trials)]
    for _ in range(steps):
        qpos = environment.physics.state.qpos.numpy()
        for trial in running.nonzero().flatten().tolist():
            visited[trial].append(qpos[trial].copy())
        actions, state = policy.step(observations, state, generator=generator)
        outcome = environment.step(actions)
        ended = outcome.terminated | outcome.truncated
        running = running & ~ended
        state, observations = policy.reset(state, ended), outcome.observations
        if not running.any():
            break
    reader = ContactReader(environment.scene)
    states = [np.array(each) for each in visited]
    records = []
    for trial, each in enumerate(states):
        reader.adapt(factors, trial)
        records.append(recorded(reader, environment.scene, each))
    return environment.scene, states, records


def recorded(reader: ContactReader, scene: Scene, states: np.ndarray) -> Record:
    """The contacts of states (T, nq) of one trial."""
    touches = [reader.read(qpos) for qpos in states]
    poses = object_poses(scene, states)
    return Record(
        links=np.array([touch.links for touch in touches]),
        palm=np.array([touch.elsewhere for touch in touches]),
        points=np.array([touch.points for touch in touches]),
        outward=np.array([touch.outward for touch in touches]),
        position=poses.position,
        orientation=poses.orientation,
    )


def _played(name: str, quick: bool) -> Callable[[Here], dict[str, Any]]:
    trials, steps = _amount(quick)

    def do(here: Here) -> dict[str, Any]:
        policy = Policy.load(_policy(name))
        with StatusLine(f"playing {trials} trials"):
            scene, states, records = play(policy, trials, steps, 0, here.threads)
        fingers = scene.robot.fingertips
        if THUMB not in fingers:
            raise DactylError(f"the robot {scene.robot.name} has no finger {THUMB}: what a grasp is, is not known")
        thumb = fingers.index(THUMB)
        shown = grips.showpieces(records, thumb)
        longest = max(records, key=lambda record: len(record.palm))
        return {
            "fingers": list(fingers),
            **grips.figures(records, thumb, scene.robot.timing.control),
            "contacts": grips.touches(longest, SHOWN),
            "strips": {what: frames(states[trial], span).tolist() for what, (trial, span) in shown.items()},
        }

    return do


def frames(states: np.ndarray, span: Span) -> np.ndarray:
    """(k, nq) of a trial's states, evenly over a span, rounded: pictures are made of them."""
    places = np.linspace(span.start, span.stop - 1, FRAMES).round().astype(int)
    kept: np.ndarray = states[np.unique(places)].round(4)
    return kept


def _amount(quick: bool) -> tuple[int, int]:
    return (2, 25) if quick else (TRIALS, round(SECONDS / worlds.PERIOD))


def _policy(name: str) -> Path:
    return shared(MODELS[name], models.POLICY)


def plan(size: Size) -> tuple[Step, ...]:
    """The policy that is free to use its wrist, and the one that is not."""
    trials, steps = _amount(size.quick)
    return tuple(
        Step(
            name, f"{trials} trials of {MODELS[name]}, at most {steps * worlds.PERIOD:g} s", _played(name, size.quick),
            {"evaluation steps": 2.0 * trials * (steps + 100)}, files=(_policy(name),),  # contacts cost as much again
            settings={"trials": trials, "steps": steps, "seed": 0, "world": worlds.training_world("all").settings()},
            version=2,
        )
        for name in MODELS
    )  # fmt: skip


def _share(part: int, of: int) -> str:
    """A share without an interval: neighbouring control steps, and pivotings of a trial, are no independent answers."""
    return f"{part / of:.0%}" if of else "none seen"


def rows(results: Results) -> list[Row]:
    """Each grasp of Figure 7, then the paper's claims about fingers, pivoting and gaiting."""
    found = []
    for name in grips.PAPERS:
        ours = "; ".join(
            f"{MODELS[model]}: {results[model]['grasps'][name]} times, {results[model]['share'][name]:.1%} of the time"
            for model in MODELS
        )
        found.append(Row(f"{name} grasp", "seen (Figure 7)", ours, "by contact alone; at least 0.24 s"))
    for model, title in MODELS.items():
        found += _claims(results[model], title)
    return found


def _claims(figures: Mapping[str, Any], title: str) -> list[Row]:
    taking = dict(zip(figures["fingers"], figures["in_precision"], strict=True))
    pinching = dict(zip(figures["fingers"], figures["pinched"], strict=True))
    precision, pinches, minutes = figures["precision"], figures["pinches"], figures["minutes"]
    each = ", ".join(
        f"{FINGERS.get(name, name)} {_share(taking[name], precision)} ({_share(pinching[name], pinches)} of pinches)"
        for name in taking if name != THUMB
    )  # fmt: skip
    pivots, distal = figures["pivots"], figures["distal_pivots"]
    pivoting = f"{pivots / minutes:.2f} a minute, {_share(distal, pivots)} by the last links alone"
    gaiting = ", ".join(
        f"{FINGERS.get(name, name)} {count / minutes:.1f}"
        for name, count in zip(figures["fingers"], figures["gaits"], strict=True)
    )
    return [
        Row(
            f"precision grasps use the little finger, not index or middle ({title})", "yes", each,
            "share of the time in precision grasps that a finger takes part in",
        ),
        Row(
            f"finger pivoting ({title})", "seen, typically by the distal phalanx", pivoting,
            "two fingers alone hold the object, which turns by 20° at least about the line between them",
        ),
        Row(
            f"finger gaiting ({title})", "seen", f"steps a minute: {gaiting}",
            "a finger takes another place, 10 mm away at least, while two others hold",
        ),
    ]  # fmt: skip


def draw(results: Results, figure: Figure) -> None:
    """Share of the time in each class, and of precision grasps in which each finger takes part; a trial's contacts."""
    for column, model in enumerate(MODELS):
        classes, fingers, contacts = (figure.add_subplot(3, 2, row * 2 + column + 1) for row in range(3))
        share = results[model]["share"]
        pictures.bars(classes, list(share), [100.0 * value for value in share.values()], "% of the time")
        classes.set_title(MODELS[model], fontsize=9)
        names = [FINGERS.get(name, name) for name in results[model]["fingers"]]
        taking, of = results[model]["in_precision"], max(1, results[model]["precision"])
        pictures.bars(fingers, names, [100.0 * value / of for value in taking], "% of the time in precision grasps")
        pictures.timeline(contacts, [*names, "palm"], results[model]["contacts"], worlds.PERIOD)
        contacts.set_title("contacts in the longest trial", fontsize=9)


def draw_strips(results: Results, path: Path) -> None:
    """A row of pictures for each kind of grasp and motion that was seen.

    Raises:
        DactylError: no OpenGL is to be had, or the picture cannot be written.
    """
    import cv2

    strips = []
    for model, title in MODELS.items():
        contract = Policy.load(_policy(model)).contract
        scene = build(worlds.config_of(contract, worlds.training_world("all")).scene)
        places = tuple(scene.robot.cameras.places)
        with SceneRenderer(scene, WIDTH, 3 * WIDTH // 4, fine=True) as renderer:
            for what, states in results[model]["strips"].items():
                shown = [renderer.render(np.array(qpos), places[len(places) // 2]) for qpos in states]
                shown += [np.full_like(shown[0], 255)] * (FRAMES - len(shown))
                strip = np.ascontiguousarray(np.concatenate(shown, axis=1))
                cv2.putText(
                    strip, f"{what}, {title}", (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (30, 30, 30), 1, cv2.LINE_AA
                )
                strips.append(strip)
    if not strips:
        strips = [np.full((40, FRAMES * WIDTH, 3), 255, np.uint8)]  # nothing that lasted was seen
    files.write(path, np.concatenate(strips), quality=80)


EXPERIMENT = Experiment(
    name="grasps",
    of="Section 6.1, Figure 7",
    title="grasps, finger pivoting, finger gaiting",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=(
        "The paper looked at videos of its hand; here contacts in simulation are counted, by rules.",
        "Figures are of all randomizations and drawn actions.",
        "A pinch may be by any link of a finger; grasps by more fingers count where last links alone touch.",
    ),
    pictures={STRIPS: draw_strips},
    figure_size=(12.0, 11.0),
)
