"""What to do when memory runs out in inference: smaller steps, then the CPU, then a clear error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch

from CFRTrain.models.runtimes import Runtime, Warn
from CFRTrain.runs.errors import MemoryLimitError
from CFRTrain.training.memory import ran_out_of_memory

T = TypeVar("T")
WINDOWS_AT_ONCE = 4
"""On a GPU; a CPU gains nothing from more than one."""


class MemoryLadder:
    """Ways to compute windows, from fast to frugal; one that ran out of memory is not tried again."""

    @dataclass(frozen=True)
    class Step:
        """How to compute: so many windows at once on a runtime, probabilities summed on a device."""

        runtime: Runtime
        windows_at_once: int
        accumulate_on: torch.device
        description: str

    def __init__(self, runtime: Runtime, on_warning: Warn | None = None) -> None:
        self._steps = self._ways(runtime)
        self._step = next(self._steps)
        self._warn = on_warning

    def climb_down(self, compute: Callable[[MemoryLadder.Step], T]) -> T:
        """`compute(step)` with the first step that fits. Raises MemoryLimitError if none does."""
        while True:
            try:
                return compute(self._step)
            except (RuntimeError, MemoryError) as error:
                if not ran_out_of_memory(error):
                    raise
                self._next(error)

    def _next(self, error: BaseException) -> None:
        following = next(self._steps, None)
        if following is None:
            raise MemoryLimitError(
                "memory_inference",
                "Memory ran out although one window at a time was computed on the CPU.",
                "Close other programs, or train a model with a smaller patch.",
            ) from error
        if self._warn is not None:
            text = f"Memory ran out with {self._step.description}; going on with {following.description}."
            self._warn("memory", text)
        self._step = following
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    @staticmethod
    def _ways(runtime: Runtime) -> Iterator[MemoryLadder.Step]:
        cpu = torch.device("cpu")
        if runtime.device.type != "cpu":
            device = runtime.device
            yield MemoryLadder.Step(runtime, WINDOWS_AT_ONCE, device, f"{WINDOWS_AT_ONCE} windows at once")
            yield MemoryLadder.Step(runtime, 1, device, "one window at a time")
            yield MemoryLadder.Step(runtime, 1, cpu, "results kept in main memory")
            runtime = runtime.on_cpu()  # type: ignore[attr-defined]  # only PyTorch runs elsewhere
        yield MemoryLadder.Step(runtime, 1, cpu, "the CPU, one window at a time")
