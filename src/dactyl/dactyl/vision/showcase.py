"""A sheet of randomized pictures like the paper's Figure 4."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dactyl.ranges import check_options
from dactyl.simulation.appearance import Appearance
from dactyl.simulation.scene import SceneConfig
from dactyl.storage import pictures as files
from dactyl.vision.augmentation import PoseAugmentation
from dactyl.vision.images import ImageAugmentation
from dactyl.vision.options import SheetOptions
from dactyl.vision.renderers import RendererOptions, make_renderer
from dactyl.vision.states import load

DEFAULTS = SheetOptions()


def show(out: Path, choice: SheetOptions = DEFAULTS) -> Path:
    """Write a sheet (.png); every cell is one moment as the three cameras see it, in a look of its own."""
    rows, columns, size, crop = choice.rows, choice.columns, choice.size, choice.crop
    check_options(choice)
    files.check(out)
    states = load(choice.states) if choice.states else None
    random = np.random.default_rng(choice.seed)
    number = rows * columns
    options = RendererOptions(choice.renderer, size, crop, seed=choice.seed, shadows=True)
    studio, drawn_by = make_renderer(states.recipe.scene if states else SceneConfig(), options)
    scene = studio.scene
    if states:
        picked = states.qpos[random.integers(len(states.qpos), size=number)]
        qpos = PoseAugmentation().apply(scene, picked, random)
    else:
        qpos = np.tile(scene.model.qpos0, (number, 1))
        turns = random.normal(size=(number, 4))
        qpos[:, scene.object_orientation] = turns / np.linalg.norm(turns, axis=1, keepdims=True)
    appearance = Appearance()
    pictures = drawn_by.render(qpos, [appearance.sample(random) for _ in qpos])
    drawn_by.close()
    cells = np.concatenate(list(_augmented(pictures, random).swapaxes(0, 1)), axis=2)  # cameras side by side
    sheet = cells.reshape(rows, columns, size, 3 * size, 3).swapaxes(1, 2).reshape(rows * size, columns * 3 * size, 3)
    files.write(out, sheet)
    return out


def _augmented(pictures: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Contrast and noise of Table 9 as people can see them: about each picture's own mean, in grey levels."""
    ranges = ImageAugmentation()
    values = pictures.astype(np.float64)
    mean = values.mean((2, 3, 4), keepdims=True)
    deviation = values.std((2, 3, 4), keepdims=True)
    contrast = random.uniform(*ranges.contrast, mean.shape)
    noise = ranges.noise * deviation * random.normal(size=values.shape)
    return np.rint(np.clip(mean + contrast * (values - mean) + noise, 0, 255)).astype(np.uint8)
