"""Random numbers derived from (seed, stream, step), so that a resumed run draws what it would have drawn."""

from __future__ import annotations

import hashlib

import torch


def generator_for(seed: int, stream: str, step: int) -> torch.Generator:
    """A CPU generator for one use: the same three values give the same numbers on every machine."""
    digest = hashlib.sha256(f"{seed}/{stream}/{step}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def uniform(generator: torch.Generator, low: float, high: float, *shape: int) -> torch.Tensor:
    """float32 numbers in [low, high)."""
    return low + (high - low) * torch.rand(shape, generator=generator)


def chance(generator: torch.Generator, probability: float, *shape: int) -> torch.Tensor:
    """True with `probability`."""
    return torch.rand(shape, generator=generator) < probability


def draw_seed(generator: torch.Generator) -> int:
    """A seed for a later generator, so that bulk noise is not part of the drawn parameters."""
    return int(torch.randint(1 << 62, (1,), generator=generator))
