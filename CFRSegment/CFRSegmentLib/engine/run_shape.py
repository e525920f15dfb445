"""How a run is divided: what its steps are called, and where each stage and phase of the engine lies in it.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from CFRTrain.runs.job import Job

from ..i18n import _

# The step that each stage of the engine belongs to, and its share of a run, roughly; `label` and `retrain`
# divide between them what the estimate says.
PREPARE, LABEL, RETRAIN = 1, 2, 3
STEP_OF_STAGE = {
    "check": PREPARE,
    "prepare": PREPARE,
    "label": LABEL,
    "retrain": RETRAIN,
    "evaluate": RETRAIN,
    "finish": RETRAIN,
}
BEFORE = {"check": 0.02, "prepare": 0.04}
AFTER = {"evaluate": 0.03, "finish": 0.01}
LEAST_SHARE = 0.1
# Where in its stage a phase begins and ends, by the name in its progress events.
PHASES: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "label": {
        "registration": (0.0, 0.3),
        "atlas_templates": (0.0, 0.3),
        "warped_pairs": (0.2, 0.3),
        "finetune": (0.1, 0.7),
        "label_network": (0.3, 0.8),
        "atlas": (0.9, 0.95),
        "sam": (0.7, 0.95),
        "network": (0.8, 0.95),
        "fusion": (0.8, 0.95),
        "review": (0.95, 1.0),
    },
    "retrain": {"registration": (0.0, 0.1), "warped_pairs": (0.0, 0.1)},
}
REGISTRATION_ONLY = (0.0, 0.9)
SUPERVISED = "supervised"  # the method that learns from labels alone: nothing is labeled for it


@dataclass(frozen=True)
class RunShape:
    """What of a job decides what is done, and how long its phases are.

    labelers: what makes the first labels (atlas, network, sam); none where no case is labeled. networks: how
    many the labeler `network` trains. concatenates: SAM sees the slices of a volume as one large image.
    """

    labelers: tuple[str, ...] = ("atlas",)
    networks: int = 1
    rounds: int = 1
    concatenates: bool = True

    @property
    def titles(self) -> tuple[str, str, str]:
        """What is done in the three steps of this run; the second is empty where there are two only."""
        if self.labelers == ("sam",) and self.concatenates:  # the words of the paper
            return _("Concatenate"), _("Fine-tune"), _("Re-train")
        if not self.labelers:
            return _("Prepare"), "", _("Train")
        names = {"atlas": _("register"), "network": _("train on labels"), "sam": _("fine-tune SAM")}
        found = ", ".join(names[labeler] for labeler in self.labelers)
        return _("Prepare"), found[:1].upper() + found[1:], _("Re-train")


def shapeOf(job: Job) -> RunShape:
    """The shape of a run with this job."""
    labeler = job.labeler if job.labeler != "auto" else ("sam" if job.finetune.weights else "atlas")
    labelers = job.fusion_members if labeler == "fusion" else (labeler,)
    if labeler == "none" or job.method == SUPERVISED:
        labelers = ()
    concatenates = job.finetune.input == "concatenated"
    return RunShape(labelers, job.network_labeler.networks, job.retrain.rounds, concatenates)


def stageShares(parts: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Where each stage of the engine begins and ends in a run, 0 to 1; parts: estimated seconds, if known."""
    label, retrain = parts.get("label", 0.0), parts.get("retrain", 0.0)
    both = 1 - sum(BEFORE.values()) - sum(AFTER.values())
    share = label / (label + retrain) if label + retrain > 0 else 0.4
    share = min(1 - LEAST_SHARE, max(LEAST_SHARE, share)) * both
    sizes = {**BEFORE, "label": share, "retrain": both - share, **AFTER}
    found, start = {}, 0.0
    for name, size in sizes.items():
        found[name] = (start, start + size)
        start += size
    return found


def phaseSpan(stage: str, phase: str, shape: RunShape) -> tuple[float, float]:
    """Where in its stage a phase begins and ends, 0 to 1; what is not known is the whole stage."""
    if stage == "label" and phase == "registration" and shape.labelers == ("atlas",):
        return REGISTRATION_ONLY
    if stage == "label" and phase.startswith("label_network"):
        return _part(PHASES["label"]["label_network"], phase.removeprefix("label_network"), shape.networks)
    if stage != "retrain" or phase in PHASES["retrain"]:
        return PHASES.get(stage, {}).get(phase, (0.0, 1.0))
    name, separator, number = phase.partition("_")
    if name != "retrain":
        return 0.0, 0.0  # labeling anew between two rounds: the bar waits
    return _part((PHASES["retrain"]["warped_pairs"][1], 1.0), separator + number, shape.rounds)


def _part(span: tuple[float, float], suffix: str, count: int) -> tuple[float, float]:
    """One of `count` equal parts of `span`, by the end of its name: none is the first, _2 the second."""
    number = suffix.removeprefix("_")
    index = min(int(number), count) - 1 if number.isdigit() else 0
    size = (span[1] - span[0]) / max(1, count)
    return span[0] + index * size, min(span[1], span[0] + (index + 1) * size)
