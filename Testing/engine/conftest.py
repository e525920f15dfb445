"""For the tests of the engine: few threads."""

from __future__ import annotations

import pytest

THREADS = 1


@pytest.fixture(scope="session", autouse=True)
def few_threads() -> None:
    """Tests share the machine: a small, fixed number of threads for PyTorch and SimpleITK."""
    import SimpleITK as sitk
    import torch

    torch.set_num_threads(THREADS)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(THREADS)
