"""Installation of the engine's packages into Slicer's Python: one question, one clear outcome."""

from __future__ import annotations

import importlib
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from CFRSegmentLib.i18n import _
from CFRSegmentLib.setup import pending
from CFRSegmentLib.setup.constraints import PROTECTED, installedVersions, writeConstraints
from CFRSegmentLib.setup.environment import Environment, SlicerEnvironment
from CFRSegmentLib.setup.pip_output import SHOWN_LINES, explain
from CFRSegmentLib.setup.plans import InstallPlan, InstallResult, Outcome, makePlan
from CFRSegmentLib.setup.requirements import BASE, RESOURCES, isTorch, requirementsOf, versionPart

KEPT_LINES = 400
PIP_OPTIONS = ("--only-binary=:all:", "--no-input", "--disable-pip-version-check", "--progress-bar=off")

Confirm = Callable[[InstallPlan], bool]
Progress = Callable[[str], None]
Finished = Callable[[InstallResult], None]


class Installer:
    """Finds what is missing and installs it. One at a time; the module's logic keeps the object."""

    def __init__(self, environment: Environment | None = None, resources: Path = RESOURCES) -> None:
        self._environment = environment or SlicerEnvironment()
        self._resources = resources
        self._job: _Job | None = None

    def missing(self, groups: Sequence[str] = (BASE,)) -> tuple[str, ...]:
        """Requirements that are not met, torch first; reads metadata only, imports none of them."""
        wanted = sorted(requirementsOf(groups, self._resources), key=lambda one: not isTorch(one))
        return tuple(one for one in wanted if not self._environment.isSatisfied(one))

    def plan(self, groups: Sequence[str] = (BASE,), offlineFolder: Path | None = None) -> InstallPlan:
        """What `install` would do and ask; changes nothing."""
        missing = self.missing(groups)
        return makePlan(self._environment, missing, tuple(groups), offlineFolder, self.isInstalling())

    def install(
        self,
        confirm: Confirm,
        offlineFolder: Path | None = None,
        progress: Progress | None = None,
        finished: Finished | None = None,
        groups: Sequence[str] = (BASE,),
    ) -> None:
        """Ask once, then install in the background; `finished` is called once, on the main thread.

        `progress` gets pip's lines. With `offlineFolder` pip uses the wheels in that folder and no
        network. Where `plan` has a problem, nothing is asked and the result says it.
        """
        plan, tell = self.plan(groups, offlineFolder), finished or (lambda _result: None)
        if not plan.missing:
            pending.forget(self._environment.settings)
            tell(InstallResult(Outcome.NOTHING_MISSING))
        elif plan.problem:
            tell(InstallResult(Outcome.FAILED, plan.problem, plan.remedy))
        elif not confirm(plan):
            tell(InstallResult(Outcome.DECLINED, _("Nothing was installed.")))
        else:
            self._start(plan, progress, tell)

    def isInstalling(self) -> bool:
        """Whether an installation of this object or of another extension is under way."""
        return self._job is not None or self._environment.isPipBusy()

    @property
    def pendingAfterRestart(self) -> InstallPlan | None:
        """What was begun before Slicer was restarted and is still missing; None when nothing is."""
        noted = pending.recall(self._environment.settings)
        if noted is None or self._job is not None:
            return None
        plan = self.plan(noted.groups, noted.offlineFolder)
        if not plan.missing:
            self.dismiss()
            return None
        return plan

    def resume(self, progress: Progress | None = None, finished: Finished | None = None) -> None:
        """Go on with `pendingAfterRestart`; the click on its message was the answer to the question."""
        noted = pending.recall(self._environment.settings)
        groups, folder = (noted.groups, noted.offlineFolder) if noted else ((BASE,), None)
        self.install(lambda _plan: True, folder, progress, finished, groups)

    def dismiss(self) -> None:
        """Forget `pendingAfterRestart`: the user does not want to go on."""
        pending.forget(self._environment.settings)

    def installPyTorchExtension(self, groups: Sequence[str] = (BASE,)) -> InstallResult:
        """Get the PyTorch extension from Slicer's server; after a restart, `resume` installs the rest."""
        pending.remember(self._environment.settings, tuple(groups), None)
        if self._environment.installExtension("PyTorch"):
            return InstallResult(
                Outcome.RESTART,
                _("The extension PyTorch was installed."),
                _("Restart Slicer; CFRSegment then goes on."),
            )
        pending.forget(self._environment.settings)
        return InstallResult(
            Outcome.FAILED,
            _("The extension PyTorch could not be installed."),
            _("Install PyTorch in the Extensions Manager, or from its file where there is no network."),
        )

    def _start(self, plan: InstallPlan, progress: Progress | None, tell: Finished) -> None:
        pending.remember(self._environment.settings, plan.groups, plan.offlineFolder)

        def onEnd(result: InstallResult) -> None:
            self._job = None
            if result.outcome is not Outcome.RESTART:
                pending.forget(self._environment.settings)
            tell(result)

        self._job = _Job(self._environment, plan, progress or (lambda _line: None), onEnd)
        self._job.start()


class _Job:
    """One installation under way: torch through its extension, then everything else in one run of pip."""

    def __init__(
        self, environment: Environment, plan: InstallPlan, progress: Progress, onEnd: Finished
    ) -> None:
        self._environment = environment
        self._plan = plan
        self._progress = progress
        self._onEnd = onEnd
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._folder = Path(tempfile.mkdtemp(prefix="cfrsegment-setup-"))
        self._before = installedVersions()
        self._ended = False

    def start(self) -> None:
        """Begin, with torch when the window has had time to say so."""
        torch = next((one for one in self._plan.missing if isTorch(one)), None)
        if torch is None or self._plan.offlineFolder is not None:
            self._installRest(self._plan.missing)
            return
        self._line(_("Installing PyTorch; this takes several minutes, and the window may not answer."))
        self._environment.later(lambda: self._installTorch(torch))

    def _installTorch(self, requirement: str) -> None:
        try:
            logic = self._environment.torchLogic()
            logic.installTorch(askConfirmation=False, torchVersionRequirement=versionPart(requirement))
        except Exception as error:  # the extension raises whatever pip, network or a broken DLL made of it
            self._failTorch(str(error))
            return
        if not self._environment.isSatisfied(requirement):
            self._failTorch(_("{requirement} is still missing").format(requirement=requirement))
            return
        self._installRest(tuple(one for one in self._plan.missing if not isTorch(one)))

    def _installRest(self, requirements: Sequence[str]) -> None:
        if not requirements:
            self._check(0)
            return
        folder = self._plan.offlineFolder
        offline = ("--no-index", "--find-links", str(folder)) if folder else ()
        constraints = writeConstraints(self._folder, installedVersions())
        arguments = (*PIP_OPTIONS, *offline, *requirements)
        try:
            self._environment.pipInstall(arguments, constraints, self._line, self._check)
        except Exception as error:  # whatever starting a process or Slicer's helper can raise
            self._fail(_("The installation could not be started: {reason}").format(reason=error))

    def _check(self, exitCode: int) -> None:
        """pip has ended: what it says and what is there now must agree."""
        importlib.invalidate_caches()
        missing = [one for one in self._plan.missing if not self._environment.isSatisfied(one)]
        if exitCode != 0 or missing:
            self._fail("" if exitCode else _("Still missing: {names}.").format(names=", ".join(missing)))
            return
        changed = self._changed()
        if changed:
            self._end(
                Outcome.RESTART,
                _("Installed. These packages have another version now: {names}.").format(names=changed),
                _("Restart Slicer before going on."),
            )
            return
        self._end(Outcome.INSTALLED, _("All packages are installed."), "")

    def _fail(self, text: str, remedy: str = "") -> None:
        cause = explain(tuple(self._lines), self._plan.offlineFolder is not None)
        text, changed = text or cause.text, self._changed()
        if changed:
            text = _("{text} These packages have another version now: {names}; restart Slicer.").format(
                text=text, names=changed
            )
        self._end(Outcome.FAILED, text, remedy or cause.remedy)

    def _failTorch(self, reason: str) -> None:
        self._fail(
            _("PyTorch was not installed: {reason}.").format(reason=reason.rstrip(".")),
            _("Open the module PyTorch Utils, which shows and installs PyTorch, then try again."),
        )

    def _changed(self) -> str:
        after = installedVersions(PROTECTED)
        names = (name for name, version in self._before.items() if after.get(name) != version)
        return ", ".join(names)

    def _line(self, line: str) -> None:
        self._lines.append(line)
        self._progress(line)

    def _end(self, outcome: Outcome, text: str, remedy: str) -> None:
        if self._ended:
            return
        self._ended = True
        shutil.rmtree(self._folder, ignore_errors=True)
        shown = tuple(self._lines)[-SHOWN_LINES:]
        self._onEnd(InstallResult(outcome, text, remedy, shown if outcome is Outcome.FAILED else ()))
