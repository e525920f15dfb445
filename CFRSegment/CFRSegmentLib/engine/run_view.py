"""From the events of a run and the facts of its folder to what a person is told. No files, no clock."""

from __future__ import annotations

from dataclasses import dataclass

from .problems import Problem
from .remaining import remainingSeconds
from .run_problems import lostProblem, problemOfEvent, problemOfExit, signalOf
from .run_reducer import RunReducer
from .run_shape import STEP_OF_STAGE
from .run_state import RunState, RunStatus
from .stage_names import detailText

STOPPED_CODE, UNEXPECTED_CODE = 130, 1


@dataclass(frozen=True)
class RunFacts:
    """What the folder of a run shows besides its events.

    now: seconds since 1970. quiet: seconds since something was last written. launchedAt: when the engine was
    last started here, 0 if never. exitCode: None if nobody saw the end.
    """

    now: float
    alive: bool
    stopAsked: bool
    launchedAt: float = 0.0
    exitCode: int | None = None
    quiet: float = 0.0
    hasResults: bool = False
    pseudoLabels: bool = False
    hasModel: bool = False
    lastWords: str = ""
    logTail: str = ""


def stateOf(reducer: RunReducer, facts: RunFacts) -> RunState:
    """The state of a run."""
    status = statusOf(reducer, facts)
    titles, index = reducer.shape.titles, STEP_OF_STAGE.get(reducer.stage, 0)
    return RunState(
        status=status,
        stages=titles,
        stageIndex=index,
        detail=detailText(reducer.stage, reducer.phase),
        step=reducer.step,
        of=reducer.of,
        fraction=1.0 if status is RunStatus.DONE else reducer.fraction,
        elapsed=elapsedSeconds(reducer, facts, status),
        remaining=remainingSeconds(reducer) if status is RunStatus.RUNNING else None,
        silentSeconds=facts.quiet if status.isAlive else 0.0,
        curves=reducer.curves(),
        warnings=tuple(reducer.warnings),
        problem=_problem(reducer, facts, status),
        estimate=reducer.estimate,
        device=reducer.device,
        checkpointStep=reducer.checkpointStep,
        pseudoLabels=facts.pseudoLabels,
        hasModel=facts.hasModel,
        logTail=facts.logTail,
    )


def statusOf(reducer: RunReducer, facts: RunFacts) -> RunStatus:
    """How the run is; what an earlier start wrote does not count once the engine was started again."""
    ended = reducer.finished is not None and reducer.finishedAt >= facts.launchedAt
    if ended and reducer.finished == "done":
        return RunStatus.DONE
    if ended:
        return RunStatus.STOPPED if reducer.finished == "stopped" else RunStatus.FAILED
    if facts.alive:
        begun = reducer.startedAt is not None and reducer.startedAt >= facts.launchedAt
        if facts.stopAsked:
            return RunStatus.STOPPING
        return RunStatus.RUNNING if begun and reducer.stage else RunStatus.PREPARING
    if facts.hasResults:
        return RunStatus.DONE
    return _endedWithoutWord(reducer, facts)


def _endedWithoutWord(reducer: RunReducer, facts: RunFacts) -> RunStatus:
    """A run that nothing works on any more, and that did not say how it ended."""
    if reducer.startedAt is None and not facts.launchedAt:
        return RunStatus.READY
    if facts.stopAsked or facts.exitCode == STOPPED_CODE:
        return RunStatus.STOPPED
    if facts.exitCode is None or facts.exitCode == 0:
        return RunStatus.LOST
    return RunStatus.KILLED if signalOf(facts.exitCode) else RunStatus.FAILED


def _problem(reducer: RunReducer, facts: RunFacts, status: RunStatus) -> Problem | None:
    """What ended the run, None for one that lives, was stopped, or is done."""
    if status is RunStatus.LOST:
        return lostProblem()
    if status not in (RunStatus.FAILED, RunStatus.KILLED):
        return None
    said = reducer.error is not None and reducer.finished == "failed"
    if said and status is RunStatus.FAILED and reducer.finishedAt >= facts.launchedAt:
        return problemOfEvent(reducer.error, reducer.device)
    code = facts.exitCode if facts.exitCode is not None else UNEXPECTED_CODE
    return problemOfExit(code, reducer.device, facts.lastWords)


def elapsedSeconds(reducer: RunReducer, facts: RunFacts, status: RunStatus) -> float:
    """Seconds that engines have worked on the run, all starts together."""
    if reducer.startedAt is None or reducer.lastTime is None:
        return 0.0
    end = max(facts.now, reducer.lastTime) if status.isAlive else reducer.lastTime
    return reducer.spentBefore + max(0.0, end - reducer.startedAt)
