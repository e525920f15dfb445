"""What keeps a training from starting, said above the button Train and in its tool tip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..engine import Device, Problem, TrainSettings, preflight
from ..i18n import _
from .reason_list import reasonsHtml, reasonsText
from .run_control import RunControl

if TYPE_CHECKING:
    from .session import Session


class TrainReasons:
    """ui: reasonsLabel, trainButton, installButton."""

    def __init__(self, session: Session, control: RunControl, ui: Any) -> None:
        self._session, self._control, self._ui = session, control, ui

    def refresh(self, settings: TrainSettings, devices: Sequence[Device]) -> bool:
        """Look for reasons and show them; gives whether one of them keeps a training from starting."""
        cohort, ui = self._session.requireCohort(), self._ui
        found = preflight(cohort, settings, self._session.environment(devices))
        problems = [self._inOwnWords(problem) for problem in found]
        ui.reasonsLabel.text = reasonsHtml(() if self._control.isActive else problems)
        ui.reasonsLabel.setVisible(bool(ui.reasonsLabel.text))
        ui.trainButton.toolTip = reasonsText(problems) or _(
            "Starts the training in the background. Slicer can be used, and even closed, meanwhile."
        )
        ui.installButton.setVisible(any(problem.code == "missing_packages" for problem in problems))
        return any(problem.blocking for problem in problems)

    def _inOwnWords(self, problem: Problem) -> Problem:
        """What blocks may be the shown training itself, which has ended but for its process."""
        if problem.code != "run_active" or not self._control.isEnding:
            return problem
        text = _("The training has ended, and its process is closing.")
        return replace(problem, text=text, remedy=_("This takes a few seconds."))
