"""The SAM labeler: SAM, fine-tuned on the labeled volumes, labels the others in overlapping windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from CFRTrain.data.planning import Plan
from CFRTrain.data.store import CaseStore
from CFRTrain.labelers.base import PseudoLabel
from CFRTrain.labelers.decoder_stage import DecoderStage
from CFRTrain.labelers.embedding_cache import EmbeddingCache
from CFRTrain.labelers.finetuning import FineTuneStage
from CFRTrain.labelers.inputs.axes import AxesInput
from CFRTrain.labelers.sam_choice import SamChoice, build_chosen, choose_sam, strategy_of
from CFRTrain.labelers.sam_input import OWN_CANVAS, SamInput
from CFRTrain.labelers.sam_model import ConcatenationSam, parameter_count
from CFRTrain.labelers.strategies import Strategy
from CFRTrain.runs.checkpoints import weights_hash
from CFRTrain.runs.errors import DataError
from CFRTrain.runs.job import Job
from CFRTrain.runs.run_folder import RunFolder
from CFRTrain.training.loop import train
from CFRTrain.training.precision import autocast, autocast_dtype, choose_device

OVERLAP = 0.5  # of neighboring windows, along each axis
SIGMA = 0.125  # of the Gaussian window weights, in patch sides
PICTURES_AT_ONCE = 64  # small ones; together never more pixels than one of SAM's own canvases has
FROZEN = (
    "The strategy {} leaves SAM's encoder as it is, and without official weights it is random: labels will be"
    " weak. Name SAM's weights, or set finetune.strategy to auto."
)


class SamLabeler:
    """Fine-tunes SAM on the labeled cases once, then labels a case per call (CFR, equations 3 and 5)."""

    name = "sam"

    def __init__(
        self, store: CaseStore, labeled: Sequence[str], plan: Plan, job: Job, run: RunFolder
    ) -> None:
        if not labeled:
            raise DataError("no_labeled_case", "SAM has no labeled case to learn.", "Label a volume first.")
        self.store, self.labeled = store, tuple(labeled)
        self.plan, self.job, self.run = plan, job, run
        self.device = choose_device(job.device)
        self.sam: ConcatenationSam | None = None
        self.sam_input: SamInput | None = None

    def prepare(self) -> None:
        """Trains, or loads what an earlier run has trained; a killed run goes on at its last checkpoint."""
        if self.sam is not None:
            return
        choice = choose_sam(self.job, self.run.root)
        if choice.weights is None:
            self.run.events.warning("sam_from_scratch", choice.explanation)
        strategy = strategy_of(choice, self.job)
        if choice.weights is None and not strategy.learns_features:
            self.run.events.warning("sam_frozen_from_scratch", FROZEN.format(strategy.name))
        sam, sam_input = build_chosen(choice, self.job, self.plan)
        self._record(choice, strategy, sam, sam_input)
        stage = self._stage(strategy, sam, sam_input)
        every, log_every = self.job.finetune.checkpoint_every, self.job.retrain.log_every
        train(stage, self.run, checkpoint_every=every, log_every=log_every)
        if isinstance(stage, DecoderStage):
            stage.cache.clear()
        strategy.finish(sam)
        self.sam, self.sam_input = sam.eval(), sam_input

    def _stage(self, strategy: Strategy, sam: ConcatenationSam, sam_input: SamInput) -> FineTuneStage:
        data = (self.store, self.labeled, self.plan.spacing_zyx)
        arguments = (sam, sam_input, *data, self.job.finetune, self.job.seed, self.device)
        if not strategy.embeds_once:
            return FineTuneStage(*arguments)
        encoder = weights_hash(sam.image_encoder)
        identity = {"encoder": encoder, "input": repr(sam_input), "seed": str(self.job.seed)}
        cache = EmbeddingCache(self.run.root / "embeddings", identity)
        return DecoderStage(*arguments, cache=cache)

    def label(self, case_id: str) -> PseudoLabel:
        """The pseudo-label of one case; a labeled case gets its own label, certain."""
        if case_id in self.labeled:
            return PseudoLabel.from_labels(self.store.label(case_id), len(self.job.classes))
        self.prepare()
        image = self.store.image(case_id)
        return PseudoLabel(volume_probabilities(self.sam, self.sam_input, image, self.device))

    def opinions(self, image: np.ndarray) -> Iterator[np.ndarray]:
        """Probabilities (C,z,y,x) of an image (z,y,x), one for each axis that the input slices along."""
        self.prepare()
        inputs = self.sam_input.along if isinstance(self.sam_input, AxesInput) else (self.sam_input,)
        for sam_input in inputs:
            yield volume_probabilities(self.sam, sam_input, image, self.device)

    def _record(
        self, choice: SamChoice, strategy: Strategy, sam: ConcatenationSam, sam_input: SamInput
    ) -> None:
        """What the report says about this labeler."""
        record = {
            **choice.record(),
            "parameters": parameter_count(sam),
            "trainable_parameters": parameter_count(sam, trainable_only=True),
            "strategy": strategy.name,
            "strategy_explanation": strategy.explanation,
            "input": self.job.finetune.input,
            "canvas": sam_input.canvas,
            "patch_zyx": list(sam_input.patch_zyx),
            "labeled_cases": len(set(self.labeled)),
        }
        self.run.write_json("sam.json", record)


def volume_probabilities(
    sam: ConcatenationSam, sam_input: SamInput, image: np.ndarray, device: torch.device
) -> np.ndarray:
    """Softmax probabilities float32 (C,z,y,x) of a whole z-scored volume (z,y,x) of any size.

    Windows of one patch with half overlap; their probabilities are averaged with Gaussian weights.
    """
    from monai.inferers import sliding_window_inference  # takes seconds, which runs without SAM need not wait

    volume = torch.from_numpy(np.array(image, dtype=np.float32))[None, None]
    with torch.inference_mode():
        probabilities = sliding_window_inference(
            volume,
            roi_size=sam_input.patch_zyx,
            sw_batch_size=1,
            predictor=partial(patch_probabilities, sam, sam_input),
            overlap=OVERLAP,
            mode="gaussian",
            padding_mode="replicate",  # as the patches in training
            sigma_scale=SIGMA,
            sw_device=device,
            device=torch.device("cpu"),
        )[0]
        # The weights of the windows sum to one only up to rounding.
        return (probabilities / probabilities.sum(0)).numpy()


def patch_probabilities(sam: ConcatenationSam, sam_input: SamInput, patches: Tensor) -> Tensor:
    """Patches (B,1,z,y,x) to softmax probabilities (B,C,z,y,x) float32."""
    parts = []
    at_once = min(PICTURES_AT_ONCE, max(1, OWN_CANVAS**2 // sam_input.canvas**2))
    with autocast(patches.device, autocast_dtype(patches.device)):
        for pictures in sam_input.pictures(patches).split(at_once):
            parts.append(sam(pictures).softmax(1))
    return sam_input.volumes(torch.cat(parts).float())
