"""Whether a failure is the machine's: memory that is used up, or a GPU that failed."""

from __future__ import annotations

import torch

from CFRTrain.runs.errors import memory_refused

# PyTorch on a CPU, ITK, and C++ libraries such as OpenVINO raise a RuntimeError that tells only by its text.
# So does CUDA where it is not PyTorch's allocator that finds no memory: when it starts, in cuBLAS or cuDNN.
SIGNS = (
    "you tried to allocate",
    "can't allocate memory",
    "failed to allocate memory",
    "bad_alloc",
    "error: out of memory",
    "status_alloc_failed",
)


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on a GPU or in main memory."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or memory_refused(error):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in SIGNS)


def accelerator_failed(error: BaseException) -> bool:
    """Whether a GPU failed; nothing runs on it in this process any more."""
    known = getattr(torch, "AcceleratorError", ())  # older versions tell by the text
    return isinstance(error, known) or isinstance(error, RuntimeError) and str(error).startswith("CUDA error")
