"""How long a run still takes, from the speed that it has shown; never from the estimate alone.

An estimate knows neither how fast this computer is nor what else it does. Standard library only.
"""

from __future__ import annotations

from .run_reducer import RunReducer
from .run_shape import phaseSpan

ENOUGH = 0.05  # of a stage, before its own pace can be told


def remainingSeconds(reducer: RunReducer) -> float | None:
    """Seconds still to go; None until enough was done to tell.

    Of the present stage at its own pace. The re-training, while nothing of it is done, takes its estimated
    time, as much longer or shorter as the labeling before it has taken.
    """
    if reducer.stage in ("evaluate", "finish"):
        return reducer.secondsLeft
    if reducer.stage not in ("label", "retrain"):
        return None
    own, retrain = _restOfStage(reducer), reducer.parts.get("retrain")
    if reducer.stage == "retrain":
        if own is None and retrain is not None and reducer.slowdown is not None:
            return retrain * reducer.slowdown * (1 - reducer.within)
        return own
    slowdown = reducer.slowdownOfStage(ENOUGH)
    if own is None or retrain is None or slowdown is None:
        return None
    return own + retrain * slowdown


def _restOfStage(reducer: RunReducer) -> float | None:
    """Seconds of the stage: what the engine says of its phase, and what comes after that at the same pace."""
    within, left = reducer.within, reducer.secondsLeft
    end = max(within, phaseSpan(reducer.stage, reducer.phase, reducer.shape)[1])
    pace = reducer.secondsPerStage(ENOUGH)
    if pace is None and left is not None and end - within > ENOUGH:
        pace = left / (end - within)
    if pace is None:
        return left if end >= 1 else None
    return (left if left is not None else (end - within) * pace) + (1 - end) * pace
