"""What the training loop reports: mean losses between two log entries, and the time that is left."""

from __future__ import annotations

from collections.abc import Mapping


class RunningMeans:
    """Sums and counts of named values since the last log; its state goes into the checkpoint."""

    def __init__(self, state: Mapping[str, tuple[float, int]] | None = None) -> None:
        self._sums: dict[str, tuple[float, int]] = {
            name: (float(total), int(count)) for name, (total, count) in (state or {}).items()
        }

    def add(self, values: Mapping[str, float]) -> None:
        """Count one value for each name."""
        for name, value in values.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + value, count + 1)

    def take(self) -> dict[str, float]:
        """Return the means and start again."""
        means = {name: total / count for name, (total, count) in self._sums.items()}
        self._sums = {}
        return means

    def state(self) -> dict[str, list[float]]:
        """Return a JSON-ready copy for the checkpoint."""
        return {name: [total, count] for name, (total, count) in self._sums.items()}


class StepClock:
    """A moving average of the seconds per step."""

    def __init__(self, memory: float = 0.9) -> None:
        self._memory = memory
        self._mean: float | None = None

    def add(self, seconds: float) -> None:
        """Count one step."""
        old = seconds if self._mean is None else self._mean
        self._mean = self._memory * old + (1.0 - self._memory) * seconds

    def mean(self) -> float:
        """Return the average seconds per step, 0 before the first."""
        return self._mean or 0.0
