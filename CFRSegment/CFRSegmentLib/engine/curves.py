"""Curves that stay small however long a run is. Standard library only."""

from __future__ import annotations

MOST_POINTS = 500
Point = tuple[int, float]


class CurveBuffer:
    """Points (step, value) of one curve, thinned evenly as they come; the newest point is always there."""

    def __init__(self, most: int = MOST_POINTS) -> None:
        self._most = most
        self._points: list[Point] = []
        self._stride = 1  # every so many of the values that came are kept
        self._skipped = 0
        self._newest: Point | None = None

    def add(self, step: int, value: float) -> None:
        """The next value. A step that has been there before replaces all from it on: a run was resumed."""
        if self._newest is not None and step <= self._newest[0]:
            while self._points and self._points[-1][0] >= step:
                self._points.pop()
        self._newest = (step, value)
        if self._skipped % self._stride == 0 or not self._points:
            self._points.append(self._newest)
            self._skipped = 0
        self._skipped += 1
        if len(self._points) >= 2 * self._most:
            self._points = self._points[::2]
            self._stride *= 2

    def points(self) -> tuple[Point, ...]:
        """At most `most` points in the order of their steps, the first and the newest among them."""
        found = list(self._points)
        if self._newest is not None and (not found or found[-1] != self._newest):
            found.append(self._newest)
        if len(found) > self._most:
            last = len(found) - 1
            found = [found[round(index * last / (self._most - 1))] for index in range(self._most)]
        return tuple(found)
