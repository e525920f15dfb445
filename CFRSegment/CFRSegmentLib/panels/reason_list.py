"""Why something cannot be done, or should be thought over, as a short list in the panel."""

from __future__ import annotations

import html
from collections.abc import Sequence

from ..engine import Problem
from ..i18n import _

BLOCKING, WARNING = "#d0342c", "#b87700"  # readable on light and dark


def reasonsHtml(problems: Sequence[Problem]) -> str:
    """The problems as rich text, the blocking ones first; empty for none."""
    ordered = sorted(problems, key=lambda problem: not problem.blocking)
    rows = "".join(_row(problem) for problem in ordered)
    return f"<table cellspacing='0' cellpadding='2'>{rows}</table>" if rows else ""


def reasonsText(problems: Sequence[Problem]) -> str:
    """The blocking problems, one per line, for the tool tip of the button that they disable."""
    lines = [str(problem) for problem in problems if problem.blocking]
    return "\n".join([_("Not possible yet:"), *lines]) if lines else ""


def _row(problem: Problem) -> str:
    color, sign = (BLOCKING, "✕") if problem.blocking else (WARNING, "⚠")
    text = f"<b>{html.escape(problem.text)}</b> {html.escape(problem.remedy)}"
    return f"<tr><td style='color:{color}'>{sign}</td><td>{text}</td></tr>"
