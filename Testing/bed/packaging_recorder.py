"""Stand-in of `slicer.packaging` (5.12): checks what is installed, only records what is to be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import slicer
from packaging.requirements import InvalidRequirement, Requirement

Requirements = str | Requirement | list


@dataclass
class Recorder:
    """What was asked for, in order, and what the next calls answer."""

    calls: list[tuple[str, Any, dict[str, Any]]] = field(default_factory=list)
    failure: Exception | None = None  # raised by the next installations, until it is None again
    installed: dict[str, str] = field(
        default_factory=dict
    )  # versions pip_check believes in besides the real ones

    def reset(self) -> None:
        """Forget everything."""
        self.calls.clear()
        self.installed.clear()
        self.failure = None

    def record(self, function: str, requirements: Any, options: dict[str, Any]) -> None:
        """Keep one call; raises the failure that was arranged."""
        self.calls.append((function, requirements, options))
        if self.failure is not None:
            raise self.failure


recorder = Recorder()


def load_requirements(path: str | Path) -> list[Requirement]:
    """Requirements of a file; comments, empty lines and options of pip are left out."""
    lines = (line.strip() for line in Path(path).read_text("utf-8").splitlines())
    return [Requirement(line) for line in lines if line and line[0] not in "#-"]


def load_pyproject_dependencies(path: str | Path) -> list[Requirement]:
    """`project.dependencies` of a pyproject.toml; KeyError where there is no project table."""
    import tomllib

    data = tomllib.loads(Path(path).read_text("utf-8"))
    return [Requirement(item) for item in data["project"].get("dependencies", [])]


def _as_list(requirements: Requirements) -> list[Requirement]:
    if isinstance(requirements, Requirement):
        return [requirements]
    if isinstance(requirements, str):
        try:
            return [Requirement(requirements)]
        except InvalidRequirement:
            return [Requirement(item) for item in requirements.split()]
    if isinstance(requirements, list):
        return [Requirement(item) if isinstance(item, str) else item for item in requirements]
    raise TypeError(f"Expected str, Requirement, or list, got {type(requirements).__name__}")


def pip_check(req: Requirements) -> bool:
    """Whether all requirements are met here, or do not apply here. Extras are not looked into."""
    return all(_is_met(item) for item in _as_list(req))


def _is_met(requirement: Requirement) -> bool:
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    version = recorder.installed.get(requirement.name)
    if version is None:
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            return False
    return requirement.specifier.contains(version, prereleases=True)


def pip_ensure(
    requirements: Requirements,
    constraints: str | Path | None = None,
    skip_packages: list[str] | None = None,
    prompt_install: bool = True,
    prompt_restart: bool = True,
    requester: str | None = None,
    skip_in_testing: bool = True,
    show_progress: bool = True,
) -> list[str] | None:
    """Install what is missing, after a question; skipped in testing mode unless `skip_in_testing` is false.

    Raises RuntimeError where the user declines.
    """
    missing = [item for item in _as_list(requirements) if not _is_met(item)]
    if not missing or (skip_in_testing and slicer.app.testingEnabled()):
        return [] if skip_packages else None
    names = ", ".join(map(str, missing))
    if prompt_install and not slicer.util.confirmOkCancelDisplay(f"{requester or 'Slicer'} needs: {names}"):
        raise RuntimeError(f"The installation of {names} was declined.")
    return pip_install(
        missing,
        constraints=constraints,
        skip_packages=skip_packages,
        requester=requester,
        show_progress=show_progress,
    )


def pip_install(
    requirements: Requirements,
    constraints: str | Path | None = None,
    no_deps_requirements: str | list[str] | None = None,
    skip_packages: list[str] | None = None,
    blocking: bool = True,
    logCallback: Callable[[str], None] | None = None,
    completedCallback: Callable[[int], None] | None = None,
    show_progress: bool = False,
    requester: str | None = None,
    parent: Any = None,
    **others: Any,
) -> list[str] | None:
    """Recorded, never done; a completion callback is told about success, as after a quick installation."""
    options = {
        "constraints": constraints,
        "skip_packages": skip_packages,
        "blocking": blocking,
        "requester": requester,
    }
    recorder.record("pip_install", requirements, {**options, **others})
    if completedCallback is not None:
        completedCallback(0)
    return [] if skip_packages else None


def pip_uninstall(requirements: str | Sequence[str], **options: Any) -> None:
    """Recorded, never done."""
    recorder.record("pip_uninstall", requirements, options)


def isPipInstallInProgress() -> bool:
    """Nothing is ever being installed."""
    return False
