"""Presets of vision training: YAML files of config/vision as checked dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, field

from dactyl.errors import DactylError
from dactyl.simulation.appearance import Appearance
from dactyl.simulation.appearance.materials import ObjectColourRanges
from dactyl.storage import presets
from dactyl.storage.shared import shared
from dactyl.vision.augmentation import PoseAugmentation
from dactyl.vision.disturbances import PictureAugmentation
from dactyl.vision.images import ImageAugmentation
from dactyl.vision.networks import PoseArchitecture
from dactyl.vision.pose import symmetries
from dactyl.vision.renderers import RENDERERS

PRESETS = shared("config", "vision")
FOLDERS = (PRESETS, PRESETS / "compare")
"""Where presets are found by name; in the second those that differ from one another in one thing."""
SCHEDULES = ("halving", "cosine")


@dataclass(frozen=True)
class RenderingConfig:
    """How pictures to train on are made."""

    renderer: str = "raytracer"
    """One of `renderers.RENDERERS`."""
    chunk: int = 1024
    """Moments, of three pictures each, that are rendered at a time."""
    first: int = 8
    """Chunks that are rendered before training begins."""
    kept: int = 24
    """Newest chunks that batches are drawn from."""
    uses: float = 1.0
    """Times a moment is trained on, on average, before a new one takes its place; 1 is the paper's."""
    mesh_grid: float = 0.0
    """See `make_studio`."""
    raytracer_share: float = 0.0
    """Share of each chunk's moments that the ray tracer draws, with shadows, where the renderer is another one. Then no
    renderer is held out any more, which the estimator's file says."""

    def __post_init__(self) -> None:
        if self.renderer not in RENDERERS:
            raise DactylError(f"unknown renderer {self.renderer!r}: choose from {', '.join(RENDERERS)}")
        if not (self.chunk >= 1 and 1 <= self.first <= self.kept and self.uses > 0 and self.mesh_grid >= 0):
            raise DactylError("chunk, first and uses must be positive, kept at least first, mesh_grid not negative")
        if not 0 <= self.raytracer_share < 1 or (self.raytracer_share and self.renderer == "raytracer"):
            raise DactylError(f"raytracer_share {self.raytracer_share} must be in [0, 1), 0 where all are ray traced")

    @property
    def also(self) -> str:
        """The second renderer, if there is one."""
        return "raytracer" if self.raytracer_share else ""


@dataclass(frozen=True)
class VisionConfig:
    """A whole training run. The defaults are the paper's (Tables 9, 11, 12)."""

    states: str = "runs/states-block"
    """Folder of `vision collect`, from the current folder or the workspace."""
    architecture: PoseArchitecture = field(default_factory=PoseArchitecture)
    crop: float = 0.7
    symmetry: str = "none"
    batches: int = 400_000
    batch: int = 64
    """Moments, of three images each."""
    learning_rate: float = 5e-4
    weight_decay: float = 1e-3
    """Table 11's."""
    decoupled_decay: bool = False
    """Shrink the weights beside Adam's steps, in proportion to the learning rate (AdamW), rather than through the
    gradients as an L2 penalty, which was what Adam's weight decay meant in the paper's time. With its learning rates
    and this, 0.001 would shrink them by 2 % in all."""
    keypoint_weight: float = 0.0
    """How much it counts that the towers' first channels find the object's middle and its sides in each picture. The
    paper has no such thing; it makes up for the few batches that a CPU gets through."""
    schedule: str = "halving"
    """halving: the learning rate is halved every `halve_every` batches, the paper's. cosine: it falls to 0."""
    halve_every: int = 20_000
    warm_up: int = 0
    """Batches over which the learning rate rises from 0."""
    average: float = 0.0
    """Weight of the past in a moving average of the network, per batch, such as 0.999. The average is what is judged
    and shipped. 0: the network itself is."""
    initial: str | None = None
    """File of another estimator, or a folder with it, whose network to begin with."""
    bf16: bool = False
    """Compute convolutions in bfloat16, where the processor can, twice as fast."""
    seed: int = 0
    checkpoint_minutes: float = 5.0
    validation: int = 512
    """Moments that training never sees."""
    validate_every: int = 1000
    rendering: RenderingConfig = field(default_factory=RenderingConfig)
    appearance: Appearance = field(default_factory=Appearance)
    colours: ObjectColourRanges = field(default_factory=ObjectColourRanges)
    poses: PoseAugmentation = field(default_factory=PoseAugmentation)
    images: ImageAugmentation = field(default_factory=ImageAugmentation)
    pictures: PictureAugmentation = field(default_factory=PictureAugmentation)
    """What is done to pictures beyond the paper."""

    def __post_init__(self) -> None:
        for name in ("batches", "batch", "halve_every", "validation", "validate_every"):
            if not getattr(self, name) >= 1:
                raise DactylError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.warm_up < 0:
            raise DactylError(f"warm_up must be at least 0, not {self.warm_up}")
        if not 0 <= self.average < 1:
            raise DactylError(f"average must be in [0, 1), not {self.average}")
        if self.architecture.head == "adjustment" and not self.keypoint_weight:
            raise DactylError(
                "the head adjustment needs points that towers are told to find: a keypoint_weight above 0"
            )
        if self.batch < 2:
            raise DactylError("batch must be at least 2")
        if not 0 < self.crop <= 1:
            raise DactylError(f"crop must be in (0, 1], not {self.crop}")
        if self.schedule not in SCHEDULES:
            raise DactylError(f"unknown schedule {self.schedule!r}: choose from {', '.join(SCHEDULES)}")
        symmetries(self.symmetry)
        if not (
            self.learning_rate > 0
            and self.weight_decay >= 0
            and self.checkpoint_minutes > 0
            and self.keypoint_weight >= 0
        ):
            raise DactylError("learning_rate and checkpoint_minutes must be positive, the weights not negative")

    @property
    def batches_per_chunk(self) -> int:
        """Batches after which a new chunk takes the oldest one's place."""
        return max(1, round(self.rendering.uses * self.rendering.chunk / self.batch))


def read_preset(preset: str) -> VisionConfig:
    """A preset by its name in config/vision or its folder compare, or by the path of its file.

    Raises:
        DactylError: there is none, or it is wrong; names the file and the key.
    """
    values = presets.read(preset, FOLDERS, "vision")
    try:
        config: VisionConfig = presets.parse(VisionConfig, values)
    except DactylError as error:
        raise DactylError(f"vision preset {preset}: {error}") from error
    return config
