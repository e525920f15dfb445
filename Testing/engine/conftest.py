"""For the tests of the engine: few threads."""

from __future__ import annotations

import pytest

THREADS = 1


@pytest.fixture(scope="module", autouse=True)
def few_threads() -> None:
    """Tests share the machine: a small, fixed number of threads for PyTorch and SimpleITK.

    Set anew for every file, because a job that a test runs sets its own. Tensors this small are slowed down
    by a second thread, ten times where others use the cores too.
    """
    import SimpleITK as sitk
    import torch

    torch.set_num_threads(THREADS)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(THREADS)
