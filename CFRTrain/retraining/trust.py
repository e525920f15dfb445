"""Which voxels' pseudo-labels count: above the threshold of their class, agreed upon by the teacher, or all.

Whatever method is trained, it meets the answer as `Batch.trusted_u` and gives other voxels no pseudo-label
loss; its own term (consistency, say) is asked of all voxels, so that it alone speaks where labels do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from CFRTrain.retraining.encoder_decoder import EncoderDecoder
from CFRTrain.retraining.methods.base import Batch, Models
from CFRTrain.retraining.sources import RecentPseudoLabels
from CFRTrain.retraining.thresholds import above_threshold, certainty_counts, class_thresholds
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.job import Retrain
from CFRTrain.runs.run_folder import RunFolder

TEACHER_LEARNS = 0.2  # share of the steps before which a young teacher's disagreement says nothing


class Trust:
    """Marks the pseudo-labels of a batch that count.

    thresholds: of the largest probability per class, () for none. agreement: whether the EMA teacher must
    say the same, from a fifth of the steps on: labels where both agree, consistency alone where not.
    """

    def __init__(self, thresholds: Sequence[float], agreement: bool, steps: int) -> None:
        self.thresholds, self.agreement = tuple(thresholds), agreement
        self._first_step = round(TEACHER_LEARNS * steps)

    def mark(self, batch: Batch, models: Models) -> Batch:
        """The batch with `trusted_u`, or as it is where all of its pseudo-labels count."""
        if batch.probabilities_u is None:
            return batch
        masks = []
        if self.thresholds:
            masks.append(above_threshold(batch.probabilities_u, self.thresholds))
        if self.agreement and batch.step >= self._first_step:
            masks.append(agrees(models.teacher, batch.image_u, batch.probabilities_u))
        return replace(batch, trusted_u=torch.stack(masks).all(dim=0)) if masks else batch


@torch.no_grad()
def agrees(teacher: EncoderDecoder, image: Tensor, probabilities: Tensor) -> Tensor:
    """Where the teacher's arg-max on images (U, 1, z, y, x) is that of probabilities (U, C, z, y, x)."""
    return teacher(image).max(dim=1).indices == probabilities.max(dim=1).indices


def build_trust(
    retrain: Retrain, pseudo: RecentPseudoLabels | None, cases: Sequence[str], run: RunFolder, name: str
) -> Trust:
    """The job's trust for one re-training `name`, whose thresholds are found once and kept in the run.

    Raises JobError where the kept file is damaged.
    """
    thresholds: tuple[float, ...] = ()
    if retrain.ignored_share and pseudo is not None:
        kept = f"thresholds/{name}.json"
        if not (run.root / kept).is_file():
            run.folder("thresholds")
            found = class_thresholds(certainty_counts(pseudo, cases), retrain.ignored_share)
            run.write_json(kept, list(found))
        thresholds = tuple(_numbers(run.read_json(kept), kept))
    return Trust(thresholds, retrain.teacher_agreement, retrain.steps)


def _numbers(content: object, name: str) -> list[float]:
    if isinstance(content, list) and content and all(isinstance(item, float) for item in content):
        return content
    raise JobError("bad_list", f"{name} is damaged.", "Delete it; the engine makes it again.")
