"""Which case to label next, and the order that follows, as `suggest` tells it. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..cohort import Case, Cohort, Status
from ..i18n import _
from .launch import activeRun, runs

Point = tuple[float, float, float]
RESULTS, MODEL, STORE = "results.json", "model.cfrmodel", "store"  # what a run must have to be asked
WAITING = (Status.UNLABELED, Status.PSEUDO_LABELED)
SHOWN_REASONS = 2


@dataclass(frozen=True)
class Suggestion:
    """A case worth labeling. reasons: sentences, the strongest first. slices: a point in each slice that is
    most worth correcting, LPS in mm, the worst first; empty before a training."""

    case: str
    reasons: tuple[str, ...]
    slices: tuple[Point, ...] = ()

    @property
    def why(self) -> str:
        """The strongest reasons in a line."""
        return " ".join(self.reasons[:SHOWN_REASONS])


def casesToAsk(cohort: Cohort) -> dict[str, Any]:
    """The cohort as a case list of the engine (cases.json): neutral ids, the roles that cases have now."""
    entries = [
        {
            "id": item.case.id,
            "role": item.role,
            "image": str(item.case.image),
            "label": None if item.label is None else str(item.label),
        }
        for item in cohort.trainingCases()
    ]
    return {"format": 1, "cases": entries}


def runToAsk(runsFolder: Path) -> Path | None:
    """The newest run that can say what it doubts; None without any, and while a training is under way."""
    if activeRun(runsFolder) is not None:
        return None
    needed = (RESULTS, MODEL, STORE)
    return next((run for run in runs(runsFolder) if all((run / name).exists() for name in needed)), None)


def suggestionsFrom(messages: Iterable[Mapping[str, Any]]) -> tuple[Suggestion, ...]:
    """The suggestions among messages of the verb `suggest`, the case to label first first."""
    found = [_suggestion(message) for message in messages if message.get("type") == "suggestion"]
    return tuple(item for item in found if item is not None)


def _suggestion(message: Mapping[str, Any]) -> Suggestion | None:
    try:
        slices = [item["position_lps_mm"] for item in message.get("slices") or ()]
        return Suggestion(
            case=str(message["case"]),
            reasons=tuple(reasonText(reason) for reason in message["reasons"]),
            slices=tuple((float(x), float(y), float(z)) for x, y, z in slices),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def reasonText(reason: Mapping[str, Any]) -> str:
    """A reason as a sentence in the language of the window; a newer engine's in its own words."""
    code, fields = str(reason.get("code", "")), reason.get("fields") or {}
    name, count = str(fields.get("class", "")), int(fields.get("cases") or 0)
    if code == "represents" and count == 1:
        return _("It stands for one more case without a label.")
    sentences = {
        "typical": _("It is the most typical of all {count} cases."),
        "absent": _("{name} was not found in it."),
        "uncertain_border": _("The model is uncertain at the border of {name}."),
        "disagreement": _("Its first pseudo-label and the model differ most on {name}."),
        "unlike_labeled": _("It is unlike every labeled case."),
        "represents": _("It stands for {count} more cases without a label."),
        "next": _("It shows most of what the labeled cases do not."),
    }
    if code not in sentences:
        return str(reason["text"])
    return sentences[code].format(name=name, count=count)


class SuggestedOrder:
    """Suggestions for the cases of a cohort, good until cases are added or removed or a training ends.

    A label in between changes nothing: each suggestion counts with the ones before it.
    """

    def __init__(self, suggestions: Sequence[Suggestion], cases: Iterable[Case]) -> None:
        self._suggestions = tuple(suggestions)
        self._known = _usable(cases)

    def find(self, caseId: str | None) -> Suggestion | None:
        """The suggestion for a case."""
        return next((item for item in self._suggestions if item.case == caseId), None)

    def next(self, cases: Sequence[Case], after: str | None = None) -> tuple[Case, Suggestion] | None:
        """The case to label next of those that still wait, beginning behind the suggested case `after`.

        Never `after` itself; None where the order is used up or `cases` are not those it was made for.
        """
        if _usable(cases) != self._known:
            return None
        ids = [item.case for item in self._suggestions]
        start = ids.index(after) + 1 if after in ids else 0
        turned = (*self._suggestions[start:], *self._suggestions[:start])
        waiting = {case.id: case for case in cases if case.status in WAITING and case.id != after}
        return next(((waiting[item.case], item) for item in turned if item.case in waiting), None)


def _usable(cases: Iterable[Case]) -> frozenset[tuple[str, str | None]]:
    """What an order depends on: the cases that can be used, and the training that last labeled each."""
    return frozenset((case.id, case.run) for case in cases if case.status is not Status.FAILED)
