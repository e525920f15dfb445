"""What fine-tuning SAM and labeling with it cost, from the sizes of its encoder."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from CFRTrain.labelers.sam_choice import SamChoice, choose_sam, chosen_input, fitted_window, strategy_of
from CFRTrain.labelers.sam_labeler import OVERLAP
from CFRTrain.labelers.sam_model import SamArchitecture, build_sam, parameter_count
from CFRTrain.stages.context import Context

# Of one processor thread in float32 with AVX2. Measured: 9 to 26 for the small SAM and ViT-B, canvases of 256
# to 1024 pixels.
MULTIPLICATIONS_PER_SECOND = 15e9
STEP_PASSES = 3  # a step against a forward pass; measured: 2.4 to 3.0, with LoRA and without
# Activations of a step in float32, per token, channel and block. Measured: 102 to 162, in the same cases.
BYTES_PER_FEATURE = 130
BYTES_PER_PARAMETER = 4
LEARNED_COPIES = 3  # of what learns: its gradient and AdamW's two moments
EMBEDDING_BYTES = 2  # float16


@dataclass(frozen=True)
class SamCost:
    """finetune_seconds, label_seconds: on one processor thread. memory_bytes: of weights and one step.

    trainable: numbers that learn, which are in each checkpoint. view_bytes: of embeddings on disk,
    where the strategy keeps them while it trains.
    """

    finetune_seconds: float = 0.0
    label_seconds: float = 0.0
    memory_bytes: int = 0
    trainable: int = 0
    view_bytes: int = 0


def sam_cost(context: Context) -> SamCost:
    """The cost of the SAM that this run would use. Raises what `choose_sam` and `chosen_input` raise."""
    job, plan = context.job, context.planned()
    options = job.finetune
    choice = choose_sam(job, context.run.root)
    architecture, sam_input = choice.architecture, chosen_input(choice, job, plan)
    if choice.weights is None:
        architecture = fitted_window(architecture, sam_input.canvas)
    per_step = sam_input.pictures_per_patch * options.batch
    per_step = min(per_step, options.pictures or per_step)
    forward = multiplications(architecture, sam_input.canvas) / MULTIPLICATIONS_PER_SECOND
    decoder = decoder_multiplications(architecture, sam_input.canvas) / MULTIPLICATIONS_PER_SECOND
    count = windows(plan.median_shape, sam_input.patch_zyx)
    embeds_once = strategy_of(choice, job).embeds_once
    once = options.views * len(context.ids("labeled")) * sam_input.pictures_per_patch if embeds_once else 0
    step = (decoder if embeds_once else forward + decoder) * STEP_PASSES * per_step
    tokens = (sam_input.canvas // architecture.token) ** 2
    features = tokens * architecture.width * (1 if embeds_once else architecture.depth) * per_step
    trainable = trainable_numbers(context, choice, architecture, sam_input.canvas)
    held = parameters(architecture) + LEARNED_COPIES * trainable
    return SamCost(
        finetune_seconds=step * options.steps + forward * once,
        label_seconds=(forward + decoder)
        * sam_input.pictures_per_patch
        * count
        * len(context.ids("unlabeled")),
        memory_bytes=BYTES_PER_FEATURE * features + BYTES_PER_PARAMETER * held,
        trainable=trainable,
        view_bytes=once * (EMBEDDING_BYTES * architecture.embedding * tokens + sam_input.canvas**2),
    )


def trainable_numbers(context: Context, choice: SamChoice, architecture: SamArchitecture, canvas: int) -> int:
    """How many numbers the job's fine-tuning strategy trains; counted on a SAM that holds none."""
    job = context.job
    with torch.device("meta"):
        sam = build_sam(architecture, len(job.classes), canvas, job.seed)
        strategy_of(choice, job).prepare(sam, job.finetune, job.seed)
    return parameter_count(sam, trainable_only=True)


def multiplications(architecture: SamArchitecture, canvas: int) -> int:
    """Multiplications of the image encoder for one picture: its linear layers, and who attends to whom."""
    tokens, width = (canvas // architecture.token) ** 2, architecture.width
    everywhere = architecture.depth if not architecture.window else len(architecture.global_blocks)
    seen = everywhere * tokens + (architecture.depth - everywhere) * architecture.window**2
    return tokens * (12 * width**2 * architecture.depth + 2 * width * seen)


def decoder_multiplications(architecture: SamArchitecture, canvas: int) -> int:
    """Multiplications of the mask decoder for one picture, of its tokens: 5 attentions, two upscalings."""
    return round((canvas // architecture.token) ** 2 * 6.5 * architecture.embedding**2)


def parameters(architecture: SamArchitecture) -> int:
    """Of the blocks of the image encoder, which hold nearly all."""
    return 12 * architecture.width**2 * architecture.depth


def windows(shape_zyx: tuple[int, int, int], patch_zyx: tuple[int, int, int]) -> int:
    """Windows of one volume, half overlapping."""
    pairs = zip(shape_zyx, patch_zyx, strict=True)
    return math.prod(1 + max(0, math.ceil((size - side) / (side * OVERLAP))) for size, side in pairs)
