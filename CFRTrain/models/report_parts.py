"""Pieces of HTML and ways of saying numbers that the sections of the report share."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from html import escape
from typing import Any

from CFRTrain.models.report_data import ReportData, number
from CFRTrain.models.report_overlays import class_colors


def figure(value: Any, digits: int = 3) -> str:
    """A number as text, or a dash where there is none."""
    known = number(value)
    return "–" if known is None else f"{known:.{digits}f}"


def duration(seconds: float) -> str:
    """Seconds as a person would say them."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def gib(size: float | None) -> str:
    """Bytes in GiB."""
    return f"{size / 2**30:.2f} GiB" if size else "–"


def count(number_of: int, noun: str) -> str:
    """`1 case`, `2 cases`."""
    return f"{number_of} {noun}" if number_of == 1 else f"{number_of} {noun}s"


def section(title: str, content: str) -> str:
    """A titled card, nothing if it would be empty."""
    return f"<section><h2>{title}</h2>{content}</section>" if content else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numeric: Collection[int] = ()) -> str:
    """A table of cells that are HTML already; `numeric` columns are set to the right."""

    def line(kind: str, items: Sequence[str]) -> str:
        classes = (" class=n" if column in numeric else "" for column in range(len(items)))
        cells = (f"<{kind}{extra}>{item}</{kind}>" for item, extra in zip(items, classes, strict=True))
        return f"<tr>{''.join(cells)}</tr>"

    body = "".join(line("td", row) for row in rows)
    return f'<div class="scroll"><table><thead>{line("th", head)}</thead><tbody>{body}</tbody></table></div>'


def bar(share: float, wide: bool = False) -> str:
    """A share of 0 to 1 as a bar."""
    percent = 100 * min(max(share, 0.0), 1.0)
    return f'<span class="bar{" wide" if wide else ""}"><i style="width:{percent:.1f}%"></i></span>'


def swatches(data: ReportData) -> dict[int, str]:
    """Per class value a square of the class's color with its name."""
    classes = data.job.classes if data.job else ()
    return {
        item.value: f'<span class="swatch" style="background:rgb{tuple(color)}"></span>{escape(item.name)}'
        for item, color in zip(classes, class_colors(classes), strict=True)
    }
