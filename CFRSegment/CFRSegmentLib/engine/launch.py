"""Starting the engine so that it outlives the viewer, finding it again, and stopping it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from CFRTrain.runs.atomic import remove_file
from CFRTrain.runs.errors import LockedError
from CFRTrain.runs.run_folder import RunFolder

from ..i18n import _
from .location import engineCommand, engineEnvironment, separateProcess
from .process_tree import killTrees
from .run_process import EXIT_NOTE, STOP, exitCode, isAlive, livingPids, noteExit, noteLaunch

GRACE_SECONDS = 8.0
OUTPUT = "output.log"  # beside engine.log, which the engine renames when it is full
OUTPUT_LIMIT = 1 << 20


class DetachedEngine:
    """The engine process of a run. Nothing here blocks for longer than it takes to start a process.

    Everything that must survive the viewer is in the run folder: `process.json` (pid and start time, so that
    a pid used again is never taken for the engine), `lock` (the engine's own), `stop`, `exit.json`.
    """

    def __init__(self, graceSeconds: float = GRACE_SECONDS) -> None:
        self.graceSeconds = graceSeconds
        self._children: dict[Path, subprocess.Popen[bytes]] = {}
        self._asked: dict[Path, float] = {}  # when a run was asked to stop

    def start(self, runFolder: Path, python: Path | str, environment: Mapping[str, str]) -> int:
        """Starts, or resumes, the run in a process of its own session and returns its pid.

        environment: the startup variables, cleaned here. Raises LockedError where an engine works on this run
        or another one of the same cohort, OSError where Python cannot be started.
        """
        root = Path(runFolder).absolute()
        busy = activeRun(root.parent)
        if busy is not None:
            raise LockedError(
                "run_active",
                _("The training {name} is still running.").format(name=busy.name),
                _("Wait until it ends, or stop it."),
            )
        RunFolder(root).clear_stop()
        self._asked.pop(root, None)
        remove_file(root / EXIT_NOTE)
        command = engineCommand(python, "supervise", root)
        with open(root / OUTPUT, "ab" if _isShort(root / OUTPUT) else "wb") as output:
            # A file, not a pipe: nobody reads a pipe any more once the viewer has been closed.
            child = subprocess.Popen(
                command, cwd=root, env=engineEnvironment(environment), stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, **separateProcess(),
            )  # fmt: skip
        noteLaunch(root, child.pid)
        self._children[root] = child
        return child.pid

    def isRunning(self, runFolder: Path) -> bool:
        """Whether an engine works on the run: started here, by an earlier viewer, or on another machine."""
        root = Path(runFolder).absolute()
        self._reap(root)
        return isAlive(root)

    def stop(self, runFolder: Path) -> None:
        """Asks the engine to stop at its next step, returns at once; call `finishStop` until gone."""
        root = Path(runFolder).absolute()
        self._asked.setdefault(root, time.monotonic())
        try:
            RunFolder(root).request_stop()
        except OSError:  # a full or write-protected disk: the grace time passes, then the engine is ended
            pass

    def finishStop(self, runFolder: Path) -> bool:
        """True when nothing of the run is alive any more; after the grace time it kills the process tree."""
        root = Path(runFolder).absolute()
        if self.isRunning(root):
            if not (root / STOP).exists():  # an engine that was just starting has taken it for an old one
                self.stop(root)
            if time.monotonic() - self._asked.get(root, 0.0) > self.graceSeconds:
                self.killTree(root)
        return not self.isRunning(root)

    def killTree(self, runFolder: Path) -> None:
        """Ends the engine and all its children at once; lost is only the work since the last checkpoint."""
        root = Path(runFolder).absolute()
        self.stop(root)  # so that the run counts as stopped, not as killed by somebody else
        killTrees(livingPids(root))
        self._reap(root)

    def _reap(self, root: Path) -> None:
        """Takes notice of a child's end, which would stay a zombie; one that failed early left no note."""
        child = self._children.get(root)
        code = None if child is None else child.poll()
        if code is None:
            return
        del self._children[root]
        if code != 0 and exitCode(root) is None and not (root / STOP).exists():
            noteExit(root, code)


def _isShort(path: Path) -> bool:
    return not path.exists() or path.stat().st_size < OUTPUT_LIMIT


def runs(runsFolder: Path) -> tuple[Path, ...]:
    """The runs of a cohort, newest first."""
    try:
        found = [path for path in Path(runsFolder).iterdir() if (path / "job.json").is_file()]
    except OSError:
        return ()
    return tuple(sorted(found, key=lambda path: (len(path.name), path.name), reverse=True))


def activeRun(runsFolder: Path) -> Path | None:
    """The run of a cohort that an engine works on, for re-attaching; None where there is none."""
    return next((run for run in runs(runsFolder) if isAlive(run)), None)


def latestRun(runsFolder: Path) -> Path | None:
    """The newest run of a cohort, finished or not; None where there is none."""
    return next(iter(runs(runsFolder)), None)
