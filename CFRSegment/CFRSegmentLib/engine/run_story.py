"""The events of a run as lines for people, the last ones of them. Standard library only."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..i18n import _
from .estimate import durationText
from .stage_names import detailText

MOST_LINES = 300


class RunStory:
    """What happened, one line per event that a person cares for; figures of steps are in the curves."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=MOST_LINES)

    def take(self, event: Mapping[str, Any]) -> None:
        """Adds one event; one that cannot be understood changes nothing."""
        maker = _LINES.get(str(event.get("type")))
        try:
            if maker is not None:
                when = datetime.fromtimestamp(float(event["time"])).strftime("%H:%M:%S")
                self._lines.append(f"{when}  {maker(event)}")
        except (KeyError, TypeError, ValueError, OverflowError, OSError):
            return

    def lines(self) -> tuple[str, ...]:
        """The lines in the order in which things happened."""
        return tuple(self._lines)


def _started(event: Mapping[str, Any]) -> str:
    return _("The engine has started on {device}.").format(device=event["device"])


def _stage(event: Mapping[str, Any]) -> str:
    return detailText(str(event["name"]), "") or str(event["name"])


def _case(event: Mapping[str, Any]) -> str:
    case, stage = event["case"], detailText("", str(event["stage"])) or event["stage"]
    if event.get("dice") is not None:
        return _("{case}: Dice {dice} ({stage})").format(case=case, dice=f"{event['dice']:.3f}", stage=stage)
    if event.get("uncertainty") is not None:
        text = _("{case}: uncertainty {value} ({stage})")
        return text.format(case=case, value=f"{event['uncertainty']:.2f}", stage=stage)
    return _("{case} ({stage})").format(case=case, stage=stage)


def _checkpoint(event: Mapping[str, Any]) -> str:
    return _("Checkpoint at step {step}").format(step=int(event["step"]))


def _estimate(event: Mapping[str, Any]) -> str:
    return _("Expected to take {duration}, longer on a busy computer").format(
        duration=durationText(float(event["seconds"]))
    )


def _warning(event: Mapping[str, Any]) -> str:
    return _("Warning: {text}").format(text=event["text"])


def _error(event: Mapping[str, Any]) -> str:
    return _("Error: {text} {remedy}").format(text=event["text"], remedy=event.get("remedy", ""))


def _finished(event: Mapping[str, Any]) -> str:
    texts = {"done": _("Done"), "stopped": _("Stopped"), "failed": _("Failed")}
    return texts.get(str(event["status"]), str(event["status"]))


_LINES = {
    "started": _started,
    "stage": _stage,
    "case_done": _case,
    "checkpoint": _checkpoint,
    "estimate": _estimate,
    "warning": _warning,
    "error": _error,
    "finished": _finished,
}
