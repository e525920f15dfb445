"""What keeps a training from starting, or ended it: what happened, and what to do. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One problem in words. `code` is stable, for programs; `blocking`: nothing can start with it."""

    code: str
    text: str
    remedy: str
    blocking: bool = True

    def __str__(self) -> str:
        return f"{self.text} {self.remedy}".strip()
