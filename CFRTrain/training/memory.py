"""Whether a failure is the machine's: memory that is used up, or a GPU that failed."""

from __future__ import annotations

import torch

# PyTorch on a CPU, ITK, and C++ libraries such as OpenVINO raise a RuntimeError that tells only by its text.
SIGNS = ("you tried to allocate", "can't allocate memory", "failed to allocate memory", "bad_alloc")


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on a GPU or in main memory."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in SIGNS)


def accelerator_failed(error: BaseException) -> bool:
    """Whether a GPU failed; nothing runs on it in this process any more."""
    return isinstance(error, getattr(torch, "AcceleratorError", ()))
