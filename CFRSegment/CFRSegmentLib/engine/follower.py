"""Follows a run by its files, whoever started it and wherever it runs. Standard library only."""

from __future__ import annotations

import time
from pathlib import Path

from CFRTrain.runs.errors import CFRError
from CFRTrain.runs.run_folder import RunFolder

from .line_reader import LineReader
from .log_tail import LogTail
from .run_process import STOP, exitCode, isAlive, readLaunch
from .run_reducer import RunReducer
from .run_shape import RunShape, shapeOf
from .run_state import RunState
from .run_story import RunStory
from .run_view import RunFacts, stateOf

MAX_BYTES = 131072  # some milliseconds
EVENTS, REVIEW, RESULTS, MODEL = "events.jsonl", "review.json", "results.json", "model.cfrmodel"


class RunFollower:
    """Reads what is new in a run folder. One follower per run and viewer; `poll` once or twice a second."""

    def __init__(self, runFolder: Path) -> None:
        self.runFolder = Path(runFolder).absolute()
        self._reader = LineReader(self.runFolder / EVENTS)
        self._log = LogTail(self.runFolder)
        self._reducer = RunReducer(self._shape())
        self._story = RunStory()
        self._lastNews: float | None = None  # monotonic

    def poll(self, maxBytes: int = MAX_BYTES) -> RunState:
        """The run as it is now; reads `maxBytes` of events at most: a long run takes several calls."""
        alive = isAlive(self.runFolder)  # before reading: what a dead engine has written is all there is
        events = self._reader.read(maxBytes)
        if self._reader.restarted:
            self._reducer = RunReducer(self._shape())
            self._story = RunStory()
        for event in events:
            self._reducer.take(event)
            self._story.take(event)
        return stateOf(self._reducer, self._facts(alive, bool(events)))

    @property
    def caughtUp(self) -> bool:
        """Whether the last poll has read every event there was."""
        return self._reader.caughtUp

    def _facts(self, alive: bool, news: bool) -> RunFacts:
        root, launch, log = self.runFolder, readLaunch(self.runFolder), self._log.text()
        return RunFacts(
            now=time.time(),
            alive=alive or not self.caughtUp,  # an end may stand in what has not been read yet
            stopAsked=(root / STOP).exists(),
            launchedAt=launch.time if launch is not None else 0.0,
            exitCode=exitCode(root),
            quiet=self._quiet(news, launch.time if launch is not None else 0.0),
            hasResults=(root / RESULTS).is_file(),
            pseudoLabels=(root / REVIEW).is_file(),
            hasModel=(root / RESULTS).is_file() and (root / MODEL).is_file(),
            lastWords=self._log.lastWords(),
            logTail="\n".join(filter(None, (*self._story.lines(), log))),
        )

    def _quiet(self, news: bool, launchedAt: float) -> float:
        """Seconds without a new event or log line; at first, since the last event or the start."""
        now = time.monotonic()
        if news or self._log.changed or self._lastNews is None:
            first = self._lastNews is None and self.caughtUp
            since = max(self._reducer.lastTime or 0.0, launchedAt)
            age = max(0.0, time.time() - since) if first and since else 0.0
            self._lastNews = now - age
        return now - self._lastNews

    def _shape(self) -> RunShape:
        """What the job says about steps and phases; the usual where it cannot be read."""
        try:
            return shapeOf(RunFolder(self.runFolder).job())
        except CFRError:
            return RunShape()
