"""What is said about a case in the list of cases and in the review."""

from __future__ import annotations

import datetime
import html

from ..cohort import Case, Status
from ..i18n import _
from .status_looks import statusHelp, statusText


def uncertaintyText(case: Case) -> str:
    """The uncertainty of the pseudo-label in percent; empty where there is none."""
    return "" if case.uncertainty is None else _("{percent} %").format(percent=round(100 * case.uncertainty))


def signedText(case: Case) -> str:
    """Who made the label or the decision in effect, and when: the time for today, else the day."""
    if not case.decidedBy and not case.decidedAt:
        return ""
    when = _localTime(case.decidedAt)
    if when is None:
        return case.decidedBy or ""
    isToday = when.date() == datetime.datetime.now().astimezone().date()
    return _("{alias} {time}").format(
        alias=case.decidedBy or "", time=f"{when:%H:%M}" if isToday else f"{when:%Y-%m-%d}"
    )


def caseToolTip(case: Case) -> str:
    """All that is known about a case, one fact per line."""
    meaning = case.problem or statusHelp(case.status)
    lines = [case.title, _("{status}. {meaning}").format(status=statusText(case.status), meaning=meaning)]
    if case.modality:
        lines.append(_("Modality: {modality}").format(modality=case.modality))
    if case.uncertainty is not None:
        lines.append(_("Uncertainty of the pseudo-label: {value}").format(value=uncertaintyText(case)))
    when = _localTime(case.decidedAt)
    if when is not None:
        text = _("Signed by {alias} on {time}")
        lines.append(text.format(alias=case.decidedBy or _("unknown"), time=f"{when:%Y-%m-%d %H:%M}"))
    if case.changedVoxels is not None:
        lines.append(_("Changed voxels: {count}").format(count=case.changedVoxels))
    return "\n".join(lines)


def reviewText(waiting: Case | None, decided: Case | None, hasEdits: bool) -> str:
    """What is open in the review, in one line of rich text."""
    if waiting is not None:
        text = _("{case}: uncertainty {value}")
        if hasEdits:
            text = _("{case}: uncertainty {value}, changed and not saved")
        return text.format(case=_bold(waiting.title), value=uncertaintyText(waiting) or _("unknown"))
    if decided is not None:
        text = _("{case}: {status} by {signed}")
        status, signed = statusText(decided.status).lower(), html.escape(signedText(decided))
        return text.format(case=_bold(decided.title), status=status, signed=signed)
    return _("Click a case, or press N for the most uncertain one.")


def _bold(text: str) -> str:
    return f"<b>{html.escape(text)}</b>"


def summaryText(name: str, cases: tuple[Case, ...]) -> str:
    """The cohort in one line: how many cases, and how many of each status."""
    if not cases:
        return _("{name}: no cases yet").format(name=name)
    counts = {status: sum(case.status is status for case in cases) for status in Status}
    parts = [
        _("{count} {status}").format(count=count, status=statusText(status).lower())
        for status, count in counts.items()
        if count
    ]
    total = _("1 case") if len(cases) == 1 else _("{count} cases").format(count=len(cases))
    return _("{name}: {total}, {parts}").format(name=name, total=total, parts=", ".join(parts))


def _localTime(text: str | None) -> datetime.datetime | None:
    """A time of the cohort's log (ISO 8601, UTC) in the time of this computer."""
    if not text:
        return None
    try:
        return datetime.datetime.fromisoformat(text).astimezone()
    except ValueError:
        return None
