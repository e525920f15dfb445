"""Several cases of the cohort, segmented one after the other; one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cohort import Case, CohortError
from ..engine import ModelEntry, predictVolumes
from ..i18n import _
from .engine_task import EngineTask
from .signals import Signal

if TYPE_CHECKING:
    from .session import Session

FOLDER = "results"


@dataclass(frozen=True)
class BatchResult:
    """How one case went. file: the label map, None where it failed; problem: then why, and what to do."""

    caseId: str
    file: Path | None
    seconds: float = 0.0
    problem: str = ""


def resultsFolder(cohortFolder: Path, model: ModelEntry) -> Path:
    """Where the label maps of a model are."""
    return cohortFolder / FOLDER / model.name


class BatchSegmenter:
    """done(BatchResult): one case. progressed(): within a case. finished(text): the end, "" if all is well.

    `results` has what is done, by case id, until the next start.
    """

    def __init__(self, session: Session) -> None:
        self.done = Signal()
        self.progressed = Signal()
        self.finished = Signal()
        self.results: dict[str, BatchResult] = {}
        self.fraction = 0.0
        self._session = session
        self._cases: tuple[Case, ...] = ()
        self._targets: list[Path] = []
        self._task = EngineTask()
        self._task.messageReceived.connect(self._onMessage)
        self._task.finished.connect(self._onFinished)

    @property
    def isRunning(self) -> bool:
        """Whether cases are being segmented."""
        return self._task.isRunning

    @property
    def wasCanceled(self) -> bool:
        """Whether the user has ended it."""
        return self._task.wasCanceled

    @property
    def count(self) -> int:
        """How many cases were asked for."""
        return len(self._cases)

    def start(self, cases: Sequence[Case], model: ModelEntry, device: str) -> None:
        """Begin. Raises CohortError: no_cohort, no_python, not_written."""
        cohort, python = self._session.requireCohort(), self._session.requireEngine()
        folder = resultsFolder(cohort.folder, model)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            text = _("The folder for the results cannot be made ({reason}).").format(reason=error.strerror)
            raise CohortError("not_written", text, _("Check that you may write into the cohort.")) from error
        self._cases = tuple(case for case in cases if case.image is not None)
        self._targets = [folder / f"{case.id}.nii.gz" for case in self._cases]
        self.results, self.fraction = {}, 0.0
        images = [case.image for case in self._cases if case.image is not None]
        pairs = list(zip(images, self._targets, strict=True))
        self._task.start(predictVolumes(python, self._session.variables(), model.path, pairs, device))

    def cancel(self) -> None:
        """Stop; what is segmented by then is kept."""
        self._task.cancel()

    def close(self) -> None:
        """The window goes."""
        self._task.close()

    def _onMessage(self, message: dict[str, Any]) -> None:
        if message.get("type") == "case":
            self._onCase(message)
        elif message.get("type") == "progress" and message.get("of"):
            within = float(message.get("step") or 0) / float(message["of"])
            self.fraction = max(self.fraction, (len(self.results) + within) / max(1, self.count))
            self.progressed.emit()

    def _onCase(self, message: dict[str, Any]) -> None:
        index = message.get("index")
        if not isinstance(index, int) or not 0 <= index < self.count:
            return
        case = self._cases[index]
        if message.get("ok") is True:
            result = BatchResult(case.id, self._targets[index], float(message.get("seconds") or 0.0))
        else:
            problem = f"{message.get('text', '')} {message.get('remedy', '')}".strip()
            result = BatchResult(case.id, None, problem=problem)
        self.results[case.id] = result
        self.fraction = max(self.fraction, len(self.results) / max(1, self.count))
        self.done.emit(result)

    def _onFinished(self) -> None:
        problem = self._task.problem
        self.finished.emit(str(problem) if problem is not None else "")
