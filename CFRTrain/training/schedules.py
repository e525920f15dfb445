"""Learning rates and loss weights as functions of the step: no state, so a resumed run continues exactly."""

from __future__ import annotations

import math

# The paper divides the learning rate by ten every 2500 of its 6000 steps; shorter runs keep the proportion.
STEP_DECAY_SHARE = 2500 / 6000
WARMUP_START = 0.01  # of the base rate, in M&N


def poly(step: int, total: int, power: float = 0.9) -> float:
    """Return (1 - step/total)^power: 1 at the first step, towards 0 at the last (SAMed, SSL4MIS)."""
    return (1.0 - min(max(step, 0), total) / total) ** power


def step_decay(step: int, every: int, factor: float = 0.1) -> float:
    """Return factor^(number of whole periods of `every` steps that have passed)."""
    return factor ** (step // every)


def cosine(step: int, total: int) -> float:
    """Return the factor that falls from 1 to 0 along half a cosine."""
    return 0.5 * (1.0 + math.cos(math.pi * min(max(step, 0), total) / total))


def restarting_cosine(step: int, total: int, restart: int, warmup: int = 0) -> float:
    """Return the factor that falls along a cosine to 0 at `restart`, and again from 1 to 0 at `total` (M&N).

    In the first `warmup` steps it rises linearly from 0.01. restart 0: there is one cosine only.
    """
    first = restart or total
    if step < min(warmup, first):
        return WARMUP_START + (1.0 - WARMUP_START) * step / warmup
    if step < first:
        return cosine(step - warmup, first - warmup)
    return cosine(step - restart, total - restart)


def learning_rate_factor(kind: str, step: int, total: int, warmup: int = 0) -> float:
    """Return what the base learning rate is multiplied with at this step.

    `kind` is "poly", "step" or "cosine". During `warmup` steps the factor rises linearly from 1/warmup,
    then the schedule runs on the shifted counter, as in SAMed.
    """
    if step < warmup:
        return (step + 1) / warmup
    shifted, remaining = step - warmup, max(1, total - warmup)
    if kind == "poly":
        return poly(shifted, remaining)
    if kind == "cosine":
        return cosine(shifted, remaining)
    if kind == "step":
        return step_decay(shifted, every=max(1, round(total * STEP_DECAY_SHARE)))
    raise ValueError(f"unknown learning rate schedule {kind!r}")


def gaussian_ramp(step: int, w_max: float, length: int, per: float = 150) -> float:
    """Return the consistency weight w_max * exp(-5 (1 - min(e, length)/length)^2), e = floor(step / per).

    With the paper's w_max 0.1, length 40 and per 150: 0.000674 at step 0, 0.02865 at 3000, 0.1 from 6000 on.
    """
    if length <= 0:
        return w_max
    progress = min(math.floor(step / per), length) / length
    return w_max * math.exp(-5.0 * (1.0 - progress) ** 2)


def decay(kind: str, step: int, total: int) -> float:
    """Return the pseudo-label weight's factor: "none" (1, the paper), "linear" or "cosine" down to 0."""
    if kind == "none":
        return 1.0
    if kind == "linear":
        return 1.0 - min(max(step, 0), total) / total
    if kind == "cosine":
        return cosine(step, total)
    raise ValueError(f"unknown decay {kind!r}")
