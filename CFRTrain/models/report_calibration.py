"""The report's table of how certain the labelers were, and how right."""

from __future__ import annotations

from html import escape
from typing import Any

from CFRTrain.models.report_parts import figure, section, table

NOTE = (
    "In and around the structures, before and after the temperatures were fitted to the same voxels. ECE is "
    "the mean distance between certainty and accuracy, the Brier score the mean squared error of the "
    "probabilities: 0 is perfect. Figures from augmented copies are optimistic, as the labeler has "
    "learned that case."
)


def calibration_table(found: tuple[dict[str, Any], ...]) -> str:
    """One line per labeler; nothing where none was calibrated."""
    head = ("labeler", "measured on", "temperatures", "ECE", "calibrated", "Brier", "calibrated")
    rows = [_line(record) for record in found]
    note = f'<p class="note">{NOTE}</p>'
    return section("Calibration", table(head, rows, range(3, 7)) + note) if rows else ""


def _line(record: dict[str, Any]) -> list[str]:
    temperatures = record.get("temperatures")
    values = temperatures if isinstance(temperatures, list) else []
    if len(set(values)) == 1:
        values = values[:1]
    figures = (record.get(name) for name in ("ece_before", "ece_after", "brier_before", "brier_after"))
    return [
        escape(str(record.get("labeler"))),
        escape(str(record.get("source"))),
        ", ".join(figure(value, 2) for value in values),
        *(figure(value) for value in figures),
    ]
