"""URPC, uncertainty rectified pyramid consistency: the scales of one network agree with their mean.

X. Luo et al., Efficient semi-supervised gross target volume of nasopharyngeal carcinoma segmentation via
uncertainty rectified pyramid consistency, MICCAI 2021, arXiv 2012.07042, section 2. With p_s the prediction
at scale s, m their mean and, voxel by voxel, v_s = KL(m || p_s), on the unlabeled items

    L = mean over s of [ sum(|m - p_s|^2 exp(-v_s)) / sum(exp(-v_s)) + mean(v_s) ]
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from CFRTrain.retraining.encoder_decoder import Features
from CFRTrain.retraining.methods.base import Batch, Method, Models, Setting, Term

SCALES = 4


class PyramidConsistency(Method):
    """Its outputs are the predictions of up to four scales, all of which learn from all labels.

    The paper's network has four scales; a shallower one has as many as its decoder. There is no teacher.
    """

    def __init__(self, setting: Setting, models: Models) -> None:
        super().__init__(setting, models)
        width = models.student.head.in_channels
        scales = range(1, min(SCALES, models.student.levels - 1))
        self.heads = nn.ModuleList(nn.Conv3d(width * 2**scale, setting.classes, 1) for scale in scales)

    def outputs(self, models: Models, batch: Batch) -> list[Features]:
        """Return the network's own prediction first, then those of the coarser maps, enlarged."""
        found = models.student.features(batch.images)
        size = batch.images.shape[2:]
        coarse = [head(level) for head, level in zip(self.heads, found.maps[-2::-1], strict=False)]
        enlarged = [functional.interpolate(logits, size=size, mode="trilinear") for logits in coarse]
        return [found, *(found._replace(logits=logits) for logits in enlarged)]

    def loss(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> dict[str, Term]:
        """Return the consistency of the scales, rectified by how far each is from their mean."""
        if not batch.unlabeled:
            return {}
        logs = [output.logits[batch.labeled :].float().log_softmax(dim=1) for output in outputs]
        mean = torch.stack([log.exp() for log in logs]).mean(dim=0)
        losses = []
        for log in logs:
            distance = functional.kl_div(log, mean, reduction="none").sum(dim=1)
            share, squared = (-distance).exp(), (mean - log.exp()).square().mean(dim=1)
            losses.append((squared * share).sum() / share.sum() + distance.mean())
        return {"consistency": Term(torch.stack(losses).mean(), self.ramp(batch.step))}
