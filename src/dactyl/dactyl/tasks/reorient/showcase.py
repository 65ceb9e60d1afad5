"""Pictures of what is varied between simulated worlds: a sheet of samples and a video of random play."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import log
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.environment import Environment, Step
from dactyl.environment.randomization import select
from dactyl.errors import DactylError
from dactyl.maths import pinhole, quaternion
from dactyl.simulation.model_fields import ModelFields, PhysicsFactors
from dactyl.simulation.rendering import SceneRenderer
from dactyl.simulation.scene import Scene, SceneConfig
from dactyl.simulation.video import write_video

CAMERA = "camera_1"
SHEET = (4, 4)  # rows, columns
VIDEO = (2, 3)
PICTURE = (640, 480)  # width, height
CROP = slice(80, 560)  # columns with the hand
RATE = 12.5  # frames/s: one for each control step, in real time

_TRUE, _READ, _LOST, _PUSH, _DOWN = (90, 90, 90), (0, 150, 60), (220, 30, 30), (200, 0, 200), (30, 90, 220)
_AXES = ((220, 30, 30), (30, 160, 30), (40, 60, 220))
_ARROW = 0.035  # m for 1 m/s²
_GRAVITY_AT = np.array([0.10, -0.08, -0.06])  # m, hand frame, from where the object rests: beside the hand
_EXAGGERATION = 3.0  # of what is added to gravity


@dataclass(frozen=True)
class Look:
    """One world at one moment, hand frame."""

    qpos: np.ndarray
    fingertips: np.ndarray
    """(5, 3) where they are."""
    readings: np.ndarray
    """(5, 3) where the policy sees them."""
    lost: np.ndarray
    """(5,) bool: the reading is an old one."""
    object_reading: np.ndarray
    """(3,)"""
    orientation_reading: np.ndarray
    """(4,)"""
    push: np.ndarray
    """(3,) m/s², world frame."""


class Showcase:
    """An environment that is acted in at random and looked at."""

    def __init__(self, object: str, randomizations: str, worlds: int, seed: int, *, fine: bool) -> None:
        config = EnvironmentConfig(scene=SceneConfig(object=object), randomization=select(randomizations))
        self._environment = Environment(config, worlds, seed=seed)
        self._worlds = worlds
        self._observations = self._environment.reset()
        self._fingertips = (worlds, len(self._environment.robot.fingertips), 3)
        self._previous = torch.full(self._fingertips, torch.nan)
        scene = self._environment.scene
        self._scene = replace(scene, model=copy.copy(scene.model))
        self._fields = ModelFields(scene, torch.device("cpu"), torch.float64)
        self._renderer = SceneRenderer(self._scene, *PICTURE, fine=fine)

    @property
    def sampled(self) -> dict[str, Tensor]:
        """Everything that is drawn once per episode, by the names of `state_dict`; rows are worlds."""
        return self._environment.state_dict()

    def play(self, steps: int) -> Step:
        """That many control steps of random actions; the last one's outcome."""
        environment = self._environment
        for _ in range(steps):
            self._previous = self._term("policy", "fingertip_positions").reshape(self._fingertips)
            step = environment.step(environment.random_actions(self._worlds))
            self._observations = step.observations
        return step

    def looks(self) -> list[Look]:
        """Every world now."""
        readings = self._term("policy", "fingertip_positions").reshape(self._fingertips)
        goal, relative = self._term("value", "target_orientation"), self._term("policy", "relative_target_orientation")
        columns = (
            self._environment.physics.state.qpos,
            self._term("value", "fingertip_positions").reshape(self._fingertips),
            readings,
            (readings == self._previous).all(-1),
            self._term("policy", "object_position"),
            quaternion.multiply(quaternion.conjugate(relative), goal),
            self.sampled.get("forces.acceleration", torch.zeros(self._worlds, 3)),
        )
        return [Look(*(column[world].numpy() for column in columns)) for world in range(self._worlds)]

    def pictures(self) -> list[np.ndarray]:
        """(height, width, 3) RGB of the hand in every world, with what its sensors read drawn into it."""
        sampled, model = self.sampled, self._scene.model
        factors = PhysicsFactors(*(sampled[f"factors.{name}"] for name in PhysicsFactors._fields))
        fields = {field.name: field for field in self._fields.of(factors)}
        drawn = []
        for world, look in enumerate(self.looks()):
            for name in ("geom_size", "geom_dataid"):
                if name in fields:
                    getattr(model, name)[fields[name].part] = fields[name].values[world].numpy()
            picture = np.ascontiguousarray(self._renderer.render(look.qpos, CAMERA))
            _annotate(picture, self._scene, look, fields["opt.gravity"].values[world].numpy())
            drawn.append(np.ascontiguousarray(picture[:, CROP]))
        return drawn

    def close(self) -> None:
        self._renderer.close()

    def _term(self, network: str, term: str) -> Tensor:
        config = self._environment.config
        terms = config.policy_terms if network == "policy" else config.value_terms
        task, robot = self._environment.task, self._environment.robot
        start = task.size(terms[: terms.index(term)], robot)
        return self._observations[network][:, start : start + task.size((term,), robot)]


def show(out: Path, object: str, randomizations: str, seconds: float, seed: int) -> tuple[Path, Path]:
    """Write worlds.png and worlds.mp4 into a folder, made where it is missing.

    Raises:
        DactylError: no such object or randomization, or the folder cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DactylError(f"cannot write pictures to {out}: {error.strerror}") from error
    if not 0 < seconds <= 600:
        raise DactylError(f"a video of {seconds} s: choose up to 600")
    showcase = Showcase(object, randomizations, SHEET[0] * SHEET[1], seed, fine=True)
    try:
        showcase.play(20)
        sheet = draw_sheet(showcase, out / "worlds.png")
    finally:
        showcase.close()
    showcase = Showcase(object, randomizations, VIDEO[0] * VIDEO[1], seed + 1, fine=False)
    try:
        video = write_video(_frames(showcase, round(seconds * RATE)), out / "worlds.mp4", RATE)
    finally:
        showcase.close()
    return sheet, video


def _frames(showcase: Showcase, count: int) -> Iterator[np.ndarray]:
    for _ in range(count):
        showcase.play(1)
        pictures = showcase.pictures()
        for world, picture in enumerate(pictures):
            for line, text in enumerate(reversed(captions(showcase.sampled, world))):
                place = (8, picture.shape[0] - 10 - 17 * line)
                cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (60, 60, 60), 1, cv2.LINE_AA)
        rows, columns = VIDEO
        yield np.vstack([np.hstack(pictures[row * columns : (row + 1) * columns]) for row in range(rows)])


def captions(sampled: dict[str, Tensor], world: int) -> list[str]:
    """The numbers that no picture shows."""

    def number(name: str) -> float:
        return float(sampled[name][world])

    gravity = sampled["factors.gravity"][world] + torch.tensor([0.0, 0.0, -9.81])
    tilt = float(torch.rad2deg(torch.atan2(gravity[:2].norm(), -gravity[2])))
    lines = [
        f"size {number('factors.object_size'):.0%}  mass {float(sampled['factors.masses'][world, -1]):.0%}"
        f"  friction {number('factors.friction'):.0%}",
        f"gravity {float(gravity.norm()):.1f} m/s2, {tilt:.1f} deg off",
    ]
    if "timing.rate" in sampled:
        lines.append(
            f"step {8 + 1e3 / number('timing.rate'):.2f} ms  pushes {number('forces.probability'):.1%}"
            f"  delayed {int(sampled['actuation.delayed'][world].sum())} of 20"
        )
    return lines


def draw_sheet(showcase: Showcase, path: Path) -> Path:
    """All worlds with their captions, and strips of the factors that each joint, actuator or link has of its own."""
    from matplotlib import pyplot

    sampled, pictures = showcase.sampled, showcase.pictures()
    rows, columns = SHEET
    figure = pyplot.figure(figsize=(4.2 * columns, 5.5 * rows + 0.8), dpi=80)
    grid = figure.add_gridspec(2 * rows, columns, height_ratios=[4.2, 0.6] * rows, hspace=0.22, wspace=0.05)
    for world, picture in enumerate(pictures):
        row, column = divmod(world, columns)
        axes = figure.add_subplot(grid[2 * row, column])
        axes.imshow(picture)
        axes.set_title("\n".join(captions(sampled, world)), fontsize=8, loc="left", family="monospace", pad=3)
        axes.axis("off")
        strips = figure.add_subplot(grid[2 * row + 1, column])
        strips.imshow(_strips(sampled, world), cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
        strips.set_xticks([])
        strips.set_yticks(range(len(_STRIPS)), [name for name, _ in _STRIPS] if column == 0 else [], fontsize=7)
        for side in strips.spines.values():
            side.set_visible(False)
    figure.suptitle(
        "Grey rings: fingertip markers. Green dots: where they are read; red: lost or hidden, the last reading is kept."
        "\nColoured axes: the object as it is read. Magenta: push on the object. Blue: gravity, its deviation from the"
        " grey vertical three times as large.\nStrips, a field for each joint, actuator or link: blue less, red more.",
        fontsize=10, y=0.996, va="top",
    )  # fmt: skip
    figure.subplots_adjust(left=0.05, right=0.995, top=0.955, bottom=0.01)
    figure.savefig(path)
    pyplot.close(figure)
    return path


_STRIPS: Sequence[tuple[str, tuple[float, float] | None]] = (
    # name and logarithmic range
    ("damping", (0.3, 3.0)),
    ("gains", (0.75, 1.5)),
    ("masses", None),
    ("limits", None),
)


def _strips(sampled: dict[str, Tensor], world: int) -> np.ndarray:
    """(strips, columns) in [-1, 1], NaN where there is none."""
    values = np.full(
        (len(_STRIPS), max(sampled[f"factors.{name}"].shape[1] for name in ("damping", "gains", "masses"))), np.nan
    )
    for i, (name, scale) in enumerate(_STRIPS):
        if name == "limits":
            offsets = sampled["factors.joint_limits"][world]
            row = (offsets[:, 1] - offsets[:, 0]).numpy() / 0.6  # wider or narrower
        elif scale is None:
            row = (sampled[f"factors.{name}"][world].numpy() - 1.0) / 0.5
        else:
            low, high = (log(bound) for bound in scale)
            row = 2.0 * (np.log(sampled[f"factors.{name}"][world].numpy()) - low) / (high - low) - 1.0
        values[i, : len(row)] = np.clip(row, -1.0, 1.0)
    return values


def _annotate(picture: np.ndarray, scene: Scene, look: Look, gravity: np.ndarray) -> None:
    """Draw readings, push and gravity into a picture."""
    to_world = quaternion.to_matrix(scene.hand_quaternion)

    def pixel(point: np.ndarray, hand: bool = True) -> tuple[int, int]:
        world = scene.hand_position + to_world @ point if hand else point
        return _project(scene, world, picture.shape)

    def arrow(start: tuple[int, int], end: tuple[int, int], colour: tuple[int, int, int]) -> None:
        cv2.arrowedLine(picture, start, end, colour, 2, cv2.LINE_AA, tipLength=0.25)

    for true, read, lost in zip(look.fingertips, look.readings, look.lost, strict=True):
        colour = _LOST if lost else _READ
        cv2.line(picture, pixel(true), pixel(read), colour, 2, cv2.LINE_AA)
        cv2.circle(picture, pixel(true), 7, _TRUE, 2, cv2.LINE_AA)
        cv2.circle(picture, pixel(read), 5, colour, -1, cv2.LINE_AA)
    axes = quaternion.rotate(look.orientation_reading, np.eye(3, dtype=np.float32))
    for axis, colour in zip(axes, _AXES, strict=True):
        end = pixel(look.object_reading + 0.035 * axis)
        cv2.line(picture, pixel(look.object_reading), end, colour, 3, cv2.LINE_AA)
    if np.linalg.norm(look.push) > 0.05:
        start = look.qpos[scene.object_position]
        arrow(pixel(start, hand=False), pixel(start + _ARROW * look.push, hand=False), _PUSH)
    start = scene.hand_position + to_world @ (scene.robot.workspace.rest + _GRAVITY_AT)
    level = start + np.array([0.0, 0.0, -0.05])
    deviation = gravity - scene.model.opt.gravity
    drawn = scene.model.opt.gravity + _EXAGGERATION * deviation
    cv2.line(picture, pixel(start, hand=False), pixel(level, hand=False), (150, 150, 150), 2, cv2.LINE_AA)
    arrow(pixel(start, hand=False), pixel(start + 0.05 * drawn / 9.81, hand=False), _DOWN)


def _project(scene: Scene, point: np.ndarray, shape: tuple[int, ...]) -> tuple[int, int]:
    """Pixel (column, row) of a world point in `CAMERA`'s picture."""
    camera = scene.model.camera(CAMERA)
    seen = pinhole.OPTICAL @ quaternion.to_matrix(camera.quat).T @ (point - camera.pos)
    height, width = shape[:2]
    column, row = pinhole.project(seen, pinhole.camera_matrix(camera.fovy[0], width, height))
    return round(column), round(row)
