"""Which SAM a run fine-tunes: an official one or, where its file is absent, a small one from scratch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from CFRTrain.data.planning import Plan
from CFRTrain.labelers.sam_input import SamInput, choose_input
from CFRTrain.labelers.sam_model import ARCHITECTURES, ConcatenationSam, SamArchitecture, build_sam
from CFRTrain.labelers.sam_weights import find_weights, load_official, read_weights
from CFRTrain.labelers.strategies import Strategy, chosen_strategy
from CFRTrain.runs.errors import JobError, ModelError
from CFRTrain.runs.job import FineTune, Job
from CFRTrain.runs.official_weights import OFFICIAL_WEIGHTS


@dataclass(frozen=True)
class SamChoice:
    """architecture: sizes of the SAM. weights: its official file, or None to train from scratch.

    stands_in: whether it takes the place of an official one. explanation: one sentence for log and report.
    """

    architecture: SamArchitecture
    weights: Path | None
    stands_in: bool
    explanation: str

    def record(self) -> dict[str, Any]:
        """What the report says about the SAM; no path, which could name a person."""
        return {
            "model": self.architecture.name,
            "official_weights": self.weights is not None,
            "weights_sha256": OFFICIAL_WEIGHTS[self.architecture.name].sha256 if self.weights else None,
            "explanation": self.explanation,
        }


def choose_sam(job: Job, folder: Path) -> SamChoice:
    """The SAM for `job` of the run in `folder`, where a relative path to weights begins.

    Without a weights file it is the small one from scratch, whatever was asked for.
    A weights file that was named and is not there is a ModelError: hours of training must not rest on a typo.
    JobError for a weights file beside the small SAM, which has none.
    """
    options = job.finetune
    if options.model == "small":
        if options.weights is not None:
            raise JobError(
                "weights_without_model",
                "A SAM weights file is named, but the model is the small SAM, which has no official file.",
                "Set finetune.model to vit_b, vit_l or vit_h, or finetune.weights to null.",
            )
        return _from_scratch(False, "A small SAM is trained from scratch, without SAM's official weights.")
    if options.weights is None:
        return _from_scratch(
            True,
            f"No official weights of SAM {options.model} are named: a small SAM of the same architecture is"
            " trained from scratch instead. Its labels are weaker than those of the paper's SAM.",
        )
    return SamChoice(
        ARCHITECTURES[options.model],
        _named_file(options, folder),
        False,
        f"SAM {options.model} starts from its official weights.",
    )


def _from_scratch(stands_in: bool, explanation: str) -> SamChoice:
    return SamChoice(ARCHITECTURES["small"], None, stands_in, explanation)


def _named_file(options: FineTune, folder: Path) -> Path:
    official = OFFICIAL_WEIGHTS[options.model]
    path = find_weights(folder / options.weights, official)
    if path is None:
        raise ModelError(
            "sam_weights_absent",
            f"The named weights file of SAM {options.model} does not exist.",
            f"Download {official.url} and name its place, or set finetune.weights to null.",
        )
    return path


def chosen_input(choice: SamChoice, job: Job, plan: Plan) -> SamInput:
    """The input on the plan's canvas; one that was meant for an official SAM is not used for a small one.

    JobError or CFRError for a combination of settings that cannot work.
    """
    options, canvas = job.finetune, 0 if choice.stands_in else plan.canvas
    return choose_input(
        options.input,
        plan.patch_zyx,
        plan.slicing_axis,
        canvas,
        options.layout,
        choice.architecture.token,
        scale=options.scale,
        axes=options.axes,
        pretrained=choice.weights is not None,
    )


def strategy_of(choice: SamChoice, job: Job) -> Strategy:
    """The fine-tuning strategy for this SAM. JobError for adapters in blocks that it does not have."""
    depth, blocks = choice.architecture.depth, job.finetune.adapter_blocks
    if job.finetune.strategy == "adapter" and max(blocks, default=0) >= depth:
        raise JobError(
            "no_such_block",
            f"SAM {choice.architecture.name} has the blocks 0 to {depth - 1}, not {max(blocks)}.",
            "Correct finetune.adapter_blocks; an empty list puts adapters into every block.",
        )
    return chosen_strategy(job.finetune.strategy, choice.weights is not None)


def build_chosen(choice: SamChoice, job: Job, plan: Plan) -> tuple[ConcatenationSam, SamInput]:
    """The SAM, prepared for its fine-tuning strategy, and the input made for it.

    Raises ModelError, DependencyError or CFRError.
    """
    strategy = strategy_of(choice, job)
    architecture, sam_input = choice.architecture, chosen_input(choice, job, plan)
    if choice.weights is None:
        architecture = fitted_window(architecture, sam_input.canvas)
    sam = build_sam(architecture, len(job.classes), sam_input.canvas, job.seed)
    if choice.weights is not None:
        state = read_weights(choice.weights, OFFICIAL_WEIGHTS[architecture.name])
        load_official(sam, state, choice.weights.name)
    strategy.prepare(sam, job.finetune, job.seed)
    return sam, sam_input


def fitted_window(architecture: SamArchitecture, canvas: int) -> SamArchitecture:
    """Global attention everywhere if a window is no smaller than the canvas: it would only add padding."""
    covers = architecture.window * architecture.token >= canvas
    return replace(architecture, window=0) if covers else architecture
