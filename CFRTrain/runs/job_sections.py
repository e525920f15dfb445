"""The sections of a job: what each stage may be told. Standard library only.

Triples are in the order z, y, x. `presets.py` says how each preset differs from the defaults here. Every
range is checked on construction (ValueError; from JSON a JobError that names the place).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from CFRTrain.runs.strict_json import require

Triple = tuple[int, int, int]
Spacing = tuple[float, float, float]
LONGEST_TERMINOLOGY = 2000


def require_range(section: Any, low: float, high: float, *names: str) -> None:
    """Every number in the fields `names` is `low` to `high`. Raises ValueError naming the field."""
    for name in names:
        require(low <= getattr(section, name) <= high, name, f"must be {low} to {high}")


def require_at_least(section: Any, low: float, *names: str) -> None:
    """Every number in the fields `names` is `low` or more. Raises ValueError naming the field."""
    for name in names:
        require(getattr(section, name) >= low, name, f"must be {low} or more")


def require_above_zero(section: Any, *names: str) -> None:
    """Every number in the fields `names` is greater than 0. Raises ValueError naming the field."""
    for name in names:
        require(getattr(section, name) > 0, name, "must be above 0")


@dataclass(frozen=True)
class ClassSpec:
    """One structure: its value in label files (background, 0, is never listed), its name, its color.

    terminology: its coded name in a viewer (3D Slicer's serialized terminology entry), or empty; the engine
    hands it on to the model file and does nothing else with it.
    """

    value: int
    name: str
    color: Triple | None = None
    terminology: str = ""

    def __post_init__(self) -> None:
        require_range(self, 1, 254, "value")
        require(
            bool(self.name.strip()) and self.name.isprintable(),
            "name",
            "must not be empty or hold line breaks",
        )
        require(all(0 <= part <= 255 for part in self.color or ()), "color", "must be 0 to 255")
        short = len(self.terminology) <= LONGEST_TERMINOLOGY and self.terminology.isprintable()
        require(short, "terminology", "must be one line of at most 2000 characters")


@dataclass(frozen=True)
class PlanOverrides:
    """What a person decides instead of the planner; null leaves it to the planner.

    canvas: side in pixels of the square image that the slices of a patch are laid out on, unless
    finetune.canvas says it; null: the smallest that holds them.
    """

    spacing_mm_zyx: Spacing | None = None
    patch_zyx: Triple | None = None
    slicing_axis: int | None = None
    intensity: Literal["zscore", "ct_window"] | None = None
    canvas: int | None = None

    def __post_init__(self) -> None:
        require(all(part > 0 for part in self.spacing_mm_zyx or ()), "spacing_mm_zyx", "must be above 0 mm")
        require(all(part >= 8 for part in self.patch_zyx or ()), "patch_zyx", "must be 8 or more")
        require(self.slicing_axis in (None, 0, 1, 2), "slicing_axis", "must be 0 to 2")
        require(self.canvas is None or 64 <= self.canvas <= 4096, "canvas", "must be 64 to 4096")


@dataclass(frozen=True)
class Atlas:
    """Labeling by registration.

    resolution_mm: grid of the registration, null = chosen. atlases: labeled cases that vote on one target at
    most. templates: well matched unlabeled cases that vote too, 0 = none. smoothing_sigma: of the carried
    labels, in voxels of the finest axis. demons: diffeomorphic ones never fold, and take twice the time.
    """

    resolution_mm: float | None = None
    atlases: int = 5
    templates: int = 0
    smoothing_sigma: float = 0.7
    demons: Literal["symmetric", "diffeomorphic"] = "symmetric"

    def __post_init__(self) -> None:
        require(self.resolution_mm is None or self.resolution_mm > 0, "resolution_mm", "must be above 0 mm")
        require_at_least(self, 1, "atlases")
        require_at_least(self, 0, "templates", "smoothing_sigma")


@dataclass(frozen=True)
class NetworkLabeler:
    """3D networks trained on the labeled cases alone, as the labeler of the others.

    steps: of each. networks: how many, each with another initialization and other batches; they label with
    the mean of their probabilities. pairs: share (0 to 1) of the labeled crops that are exact pairs, made by
    warping a labeled case and its label together onto another case's shape.
    """

    steps: int = 1000
    networks: int = 1
    pairs: float = 0.5

    def __post_init__(self) -> None:
        require_at_least(self, 1, "steps")
        require_range(self, 1, 16, "networks")
        require_range(self, 0, 1, "pairs")


@dataclass(frozen=True)
class Retrain:
    """Re-training the 3D network on labeled and pseudo-labeled volumes.

    norm: plain_instance has no affine parameters. warmup: steps in which the learning rate rises.
    gradient_clip: largest norm of a gradient, 0 = any. warm_start: begin with the network labeler's weights
    where there are any.
    pseudo_weight: of the pseudo-label loss, which falls to 0 by `pseudo_decay`. confidence_gamma: a voxel's
    pseudo-label loss is weighted with its confidence to this power, 0 = not weighted. pseudo_loss: what
    stands beside Dice in it; generalized and symmetric (cross-entropy) mind wrong labels less.
    ignored_share: the least certain share (0 to 0.9) of each class's pseudo-labels does not count.
    teacher_agreement: only pseudo-labels count with which the EMA teacher agrees. consistency: final
    weight of the method's own term, reached after `ramp_length` times 150 steps. pairs: share (0 to 1) of
    the labeled crops that are exact warped pairs. rounds: of re-training, each labeling anew for the next.
    labeler_share: weight (0 to below 1) of the labeler's opinion in that; the rest is the last network's.
    """

    network: Literal["vnet", "unet"] = "vnet"
    width: int = 16
    levels: int = 5
    norm: Literal["instance", "plain_instance", "batch"] = "instance"
    dropout: float = 0.0
    steps: int = 1000
    batch_labeled: int = 2
    batch_unlabeled: int = 2
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    schedule: Literal["poly", "step", "cosine"] = "cosine"
    warmup: int = 20
    gradient_clip: float = 5.0
    augmentation: Literal["none", "weak", "strong"] = "strong"
    pairs: float = 0.5
    pseudo_weight: float = 1.0
    pseudo_decay: Literal["none", "linear", "cosine"] = "cosine"
    confidence_gamma: float = 1.0
    pseudo_loss: Literal["cross_entropy", "generalized", "symmetric"] = "cross_entropy"
    ignored_share: float = 0.0
    teacher_agreement: bool = False
    consistency: float = 0.1
    ramp_length: int = 6
    ema_decay: float = 0.99
    rounds: int = 1
    labeler_share: float = 0.5
    warm_start: bool = True
    result: Literal["student", "ema"] = "student"
    checkpoint_every: int = 100
    log_every: int = 10
    guard: bool = True

    def __post_init__(self) -> None:
        require_at_least(
            self, 1, "width", "steps", "batch_labeled", "rounds", "checkpoint_every", "log_every"
        )
        require_at_least(self, 0, "batch_unlabeled", "ramp_length", "warmup", "gradient_clip")
        require_at_least(self, 0, "weight_decay", "pseudo_weight", "confidence_gamma", "consistency")
        require_range(self, 2, 6, "levels")
        require_above_zero(self, "learning_rate")
        require_range(self, 0, 1, "pairs")
        require_range(self, 0, 0.9, "ignored_share")
        for name in ("dropout", "ema_decay", "labeler_share"):
            require(0 <= getattr(self, name) < 1, name, "must be 0 to below 1")


@dataclass(frozen=True)
class Predict:
    """How a volume is segmented: window overlap (0 to 0.9), runtime, number format, what is kept."""

    overlap: float = 0.5
    runtime: Literal["auto", "torch", "openvino"] = "auto"
    precision: Literal["f32", "bf16"] = "f32"
    largest_component: bool = False

    def __post_init__(self) -> None:
        require_range(self, 0, 0.9, "overlap")
