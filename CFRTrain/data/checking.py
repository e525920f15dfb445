"""Every case is examined before anything is trained; every problem is listed, with reason and remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from CFRTrain.data.cases import Case
from CFRTrain.data.file_checks import orientation_warning
from CFRTrain.data.file_problems import problem
from CFRTrain.data.fingerprint import Fingerprint, fingerprint
from CFRTrain.data.geometry import Volume
from CFRTrain.data.volumes import read_label, read_volume
from CFRTrain.runs.errors import DataError
from CFRTrain.runs.job import ClassSpec

SPACING_OUTLIER = 3.0
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a case, or with the cohort (`case` is None). Warnings do not stop a run."""

    case: str | None
    code: str
    text: str
    remedy: str
    severity: Literal["error", "warning"] = "error"


@dataclass(frozen=True)
class CheckReport:
    """All problems, and the fingerprints of the cases that can be used."""

    problems: tuple[Problem, ...]
    fingerprints: tuple[Fingerprint, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that must be solved before training."""
        return tuple(found for found in self.problems if found.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The problems that a person should know of."""
        return tuple(found for found in self.problems if found.severity == "warning")

    @property
    def ok(self) -> bool:
        """True if training may start."""
        return not self.errors

    def raise_first(self) -> None:
        """DataError of the first problem that stops a run, saying how many more there are."""
        if self.errors:
            first, more = self.errors[0], len(self.errors) - 1
            text = first.text + (f" ({more} more problems: see the check report.)" if more else "")
            raise DataError(first.code, text, first.remedy, case=first.case)


def check_cases(
    cases: Sequence[Case],
    classes: Sequence[ClassSpec],
    on_progress: Progress | None = None,
) -> CheckReport:
    """Read every case once, one at a time, and judge each alone and the cohort as a whole.

    `on_progress(done, total, case id)` is called after each case and may raise to stop. Never raises
    DataError.
    """
    problems: list[Problem] = []
    fingerprints: list[Fingerprint] = []
    for done, case in enumerate(cases, start=1):
        found, usable = check_case(case, classes)
        problems += found
        if usable is not None:
            fingerprints.append(usable)
        if on_progress is not None:
            on_progress(done, len(cases), case.id)
    problems += check_cohort(cases, fingerprints, classes)
    return CheckReport(tuple(problems), tuple(fingerprints))


def check_case(case: Case, classes: Sequence[ClassSpec]) -> tuple[list[Problem], Fingerprint | None]:
    """The problems of one case, and its fingerprint unless its image or its needed label cannot be used."""
    problems: list[Problem] = []
    try:
        image = read_volume(case.image, case.id, case.sha256)
        if image.array.min() == image.array.max():
            raise problem("constant", "All voxels have the same value.", case.id)
        doubt = orientation_warning(case.image, case.id)
    except DataError as error:
        problems.append(_from_error(error, case))
        image = doubt = None
    if doubt:
        problems.append(
            _warning(case.id, "orientation", doubt, "Compare left and right in the viewer; save again.")
        )
    label, label_problems = _check_label(case, image, classes)
    problems += label_problems
    if image is None or any(found.severity == "error" for found in problems):
        return problems, None
    return problems, fingerprint(case.id, case.role, image, label)


def _check_label(
    case: Case,
    image: Volume | None,
    classes: Sequence[ClassSpec],
) -> tuple[Volume | None, list[Problem]]:
    if case.role == "unlabeled":
        if case.label is None:
            return None, []
        return None, [
            _warning(
                case.id,
                "label_unused",
                "The case has a label but is listed as unlabeled.",
                "List it as labeled (or validation) if its label is to be used.",
            )
        ]
    if case.label is None:
        return None, [
            Problem(
                case.id,
                "no_label",
                f"The case is listed as {case.role} but has no label.",
                "Give its label file, or list it as unlabeled.",
            )
        ]
    try:
        reference = None if image is None else image.geometry
        values, measures = [spec.value for spec in classes], case.role == "validation"
        label = read_label(case.label, case.id, reference, values, empty_ok=measures)
    except DataError as error:
        return None, [_from_error(error, case, "Label: ")]
    return label, [] if label.array.any() else [
        _warning(
            case.id,
            "empty_label",
            "Label: The label is empty: the case counts as right where nothing is found, else as failed.",
            "If the structures are there, draw them and save the label again.",
        )
    ]


def check_cohort(
    cases: Sequence[Case],
    fingerprints: Sequence[Fingerprint],
    classes: Sequence[ClassSpec],
) -> list[Problem]:
    """What only shows across cases: roles, missing classes, odd spacing, the same volume twice."""
    problems: list[Problem] = []
    if not any(case.role == "labeled" for case in cases):
        problems.append(Problem(None, "no_labeled", "No case is labeled.", "Label at least one volume."))
    if not any(case.role == "unlabeled" for case in cases):
        problems.append(
            _warning(
                None,
                "no_unlabeled",
                "No case is unlabeled, so there is nothing to learn from beyond the labels.",
                "Add volumes without labels.",
            )
        )
    usable = [found for found in fingerprints if found.role == "labeled"]
    present = {part.value for found in usable for part in found.foreground}
    for spec in classes if usable else ():
        if spec.value not in present:
            problems.append(
                Problem(
                    None,
                    "class_absent",
                    f"No labeled case shows the class '{spec.name}' (value {spec.value}).",
                    "Label it in one case, or remove the class.",
                )
            )
    return problems + _odd_spacings(fingerprints) + _duplicates(fingerprints)


def _odd_spacings(fingerprints: Sequence[Fingerprint]) -> list[Problem]:
    if len(fingerprints) < 3:
        return []
    median = np.median([found.spacing_zyx for found in fingerprints], axis=0)
    problems = []
    for found in fingerprints:
        ratio = np.array(found.spacing_zyx) / median
        if max(ratio.max(), 1 / ratio.min()) > SPACING_OUTLIER:
            shown = " x ".join(f"{value:g}" for value in found.spacing_zyx[::-1])
            usual = " x ".join(f"{value:g}" for value in median[::-1])
            problems.append(
                _warning(
                    found.case,
                    "odd_spacing",
                    f"The spacing {shown} mm is far from the cohort's {usual} mm.",
                    "Check the header, or leave the case out.",
                )
            )
    return problems


def _duplicates(fingerprints: Iterable[Fingerprint]) -> list[Problem]:
    first: dict[str, Fingerprint] = {}
    problems = []
    for found in fingerprints:
        earlier = first.setdefault(found.content, found)
        if earlier is not found:
            leak = "validation" in (earlier.role, found.role) and earlier.role != found.role
            text = f"The image is the same as that of {earlier.case}."
            text += " A volume used for training cannot validate." if leak else ""
            problems.append(_warning(found.case, "duplicate", text, "Remove one of the two."))
    return problems


def _from_error(error: DataError, case: Case, prefix: str = "") -> Problem:
    return Problem(case.id, error.code, prefix + error.text, error.remedy)


def _warning(case: str | None, code: str, text: str, remedy: str) -> Problem:
    return Problem(case, code, text, remedy, "warning")
