"""How many items of a batch are unlabeled: more and more in the course of a co-training.

The "learning-rate guided sampling" of M&N (arXiv 2509.15167). With B items per batch, and the transition T
and the end E of the training in steps:

    official:  n_u(e) = floor((e - T) / (E - T) * B)          linear in the step, as in the released code
    rate:      n_u(e) = floor(B * (1 - lr(e) / lr(T)))        lr: the cosine from T to E

and 0 before T. One labeled item always stays.
"""

from __future__ import annotations

import math

from CFRTrain.training.schedules import cosine

RULES = ("official", "rate")


def unlabeled_items(rule: str, step: int, transition: int, total: int, items: int) -> int:
    """Return how many of the `items` of this step's batch are unlabeled. Raises ValueError on the rule."""
    if rule not in RULES:
        raise ValueError(f"unknown sampling rule {rule!r}: choose from {', '.join(RULES)}")
    if step < transition or total <= transition:
        return 0
    done, length = step - transition, total - transition
    found = done * items // length if rule == "official" else math.floor(items * (1 - cosine(done, length)))
    return min(found, items - 1)
