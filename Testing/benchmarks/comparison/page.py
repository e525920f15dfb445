"""Writes the results: a page and a Markdown document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from CFRTrain.runs.run_folder import write_atomic
from Testing.benchmarks.comparison.markdown import markdown
from Testing.benchmarks.comparison.rows import Row
from Testing.benchmarks.comparison.table import Table


def write_page(folder: Path, table: Table, budget: str, rows: Sequence[Row]) -> None:
    """Writes comparison.md into `folder`, which exists."""
    write_atomic(folder / "comparison.md", markdown(table, budget, rows).encode())
