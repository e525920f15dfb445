"""CauSSL: two networks that teach each other are kept from becoming the same.

J. Miao et al., CauSSL: causality-inspired semi-supervised learning for medical image segmentation, ICCV 2023,
in its version on cross pseudo supervision (CPS-CauSSL), with networks of filters W_1 and W_2:

    min over W, max over A of  0.3 w(t) [CE(p_1, argmax p_2) + CE(p_2, argmax p_1)]
                               + 3 [cos^2(W_1, A_1 W_2) + cos^2(W_2, A_2 W_1)],  the second W of each fixed

The coefficients A take 60 steps of Adam in every 60th step of training. Both parts begin after the share of
the training after which they begin there. Filters of transposed convolutions belong to output channels here.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.optim import Adam, Optimizer

from CFRTrain.retraining.encoder_decoder import Features
from CFRTrain.retraining.independence import Products, filters_of, products, squared_cosine
from CFRTrain.retraining.methods.base import Batch, Method, Models, Setting, Term
from CFRTrain.training.losses import mutual_cross_entropy

CROSS_FACTOR = 0.3
CROSS_START = 400 / 5000  # of all steps
INDEPENDENCE_WEIGHT = 3.0
INDEPENDENCE_START = 500 / 5000
SEARCH_EVERY = 60
SEARCH_STEPS = 60
SEARCH_RATE = 2e-2


class CausalIndependence(Method):
    """Both networks learn from all labels and pseudo-labels too; the first one is kept."""

    networks = 2

    def __init__(self, setting: Setting, models: Models) -> None:
        super().__init__(setting, models)
        sizes = [len(filters) for filters in filters_of(models.student)]
        self.coefficients = nn.ModuleList(
            nn.ParameterList(1e-3 * torch.randn(size, size) for size in sizes) for _ in range(self.networks)
        )
        self._search = Adam(self.coefficients.parameters(), SEARCH_RATE)
        self._begin = round(INDEPENDENCE_START * setting.total_steps)

    def own_optimizers(self) -> dict[str, Optimizer]:
        """Return the optimizer of the coefficients."""
        return {"search": self._search}

    def loss(self, models: Models, batch: Batch, outputs: Sequence[Features]) -> dict[str, Term]:
        """Return the cross supervision and the dependence of the filters."""
        terms = {}
        if batch.unlabeled and batch.step >= CROSS_START * self.setting.total_steps:
            first, second = (output.logits[batch.labeled :] for output in outputs)
            value = mutual_cross_entropy(first, second)
            terms["cross"] = Term(value, CROSS_FACTOR * self.ramp(batch.step))
        if batch.step >= self._begin:
            first, second = models.networks
            found = [products(first, second), products(second, first)]
            if (batch.step - self._begin) % SEARCH_EVERY == 0:
                self._search_worst(found)
            pairs = zip(found, self.coefficients, strict=True)
            value = sum(squared_cosine(one, [item.detach() for item in weights]) for one, weights in pairs)
            terms["independence"] = Term(value, INDEPENDENCE_WEIGHT)
        return terms

    def _search_worst(self, found: Sequence[Sequence[Products]]) -> None:
        """Move the coefficients to where the networks look most dependent."""
        fixed = [[Products(layer.across.detach(), layer.among) for layer in one] for one in found]
        for _ in range(SEARCH_STEPS):
            self._search.zero_grad()
            values = [
                squared_cosine(one, weights) for one, weights in zip(fixed, self.coefficients, strict=True)
            ]
            torch.stack(values).sum().neg().backward()
            self._search.step()
