"""The engine's stages and phases in the words of the papers, and their share of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..i18n import _

STAGE_COUNT = 3
# The stage of the papers that each stage of the engine belongs to, and its share of a run, roughly; `label`
# and `retrain` divide between them what the estimate says.
CONCATENATE, FINE_TUNE, RETRAIN = 1, 2, 3
PAPER_STAGE = {
    "check": CONCATENATE,
    "prepare": CONCATENATE,
    "label": FINE_TUNE,
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


@dataclass(frozen=True)
class RunShape:
    """What of a job decides how long its phases are. atlasOnly: registration alone labels the cases."""

    rounds: int = 1
    atlasOnly: bool = False


def stageTitle(index: int) -> str:
    """Concatenate, Fine-tune or Re-train; empty for 0."""
    titles = {CONCATENATE: _("Concatenate"), FINE_TUNE: _("Fine-tune"), RETRAIN: _("Re-train")}
    return titles.get(index, "")


def detailText(stage: str, phase: str) -> str:
    """What the engine is doing, for people."""
    if phase.startswith("retrain_"):
        return _("Re-training the network, round {round}").format(round=phase.removeprefix("retrain_"))
    texts = {
        "check": _("Examining the volumes"),
        "prepare": _("Resampling the volumes"),
        "label": _("Labeling the volumes"),
        "retrain": _("Re-training the network"),
        "evaluate": _("Measuring the validation cases"),
        "finish": _("Writing the model and the report"),
        "finetune": _("Fine-tuning SAM on the labeled volumes"),
        "label_network": _("Training a first network on the labeled volumes"),
        "registration": _("Registering the labeled volumes to the others"),
        "atlas": _("Labeling the volumes by registration"),
        "atlas_templates": _("Registering the best matched volumes"),
        "warped_pairs": _("Making training pairs by registration"),
        "sam": _("Labeling the volumes with SAM"),
        "network": _("Labeling the volumes with the first network"),
        "fusion": _("Labeling the volumes"),
        "review": _("Writing the pseudo-labels for review"),
    }
    return texts.get(phase) or texts.get(stage, "")


def curveTitle(name: str) -> str:
    """The name of a metric such as `retrain/loss` for people: Re-train: loss."""
    stage, _slash, metric = name.rpartition("/")
    stages = {
        "finetune": _("Fine-tune"),
        "label_network": _("First network"),
        "retrain": _("Re-train"),
    }
    metrics = {
        "loss": _("loss"),
        "dice": _("Dice"),
        "supervised": _("loss on labels"),
        "pseudo": _("loss on pseudo-labels"),
        "consistency": _("loss of consistency"),
    }
    again = stage.removeprefix("retrain_") if stage.startswith("retrain_") else ""
    title = _("Re-train, round {round}").format(round=again) if again else stages.get(stage, stage)
    return _("{stage}: {metric}").format(stage=title, metric=metrics.get(metric, metric.replace("_", " ")))


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
    if stage == "label" and phase == "registration" and shape.atlasOnly:
        return REGISTRATION_ONLY
    if stage != "retrain" or phase in PHASES["retrain"]:
        return PHASES.get(stage, {}).get(phase, (0.0, 1.0))
    name, _separator, number = phase.partition("_")
    if name != "retrain":
        return 0.0, 0.0  # labeling anew between two rounds: the bar waits
    start, index = PHASES["retrain"]["warped_pairs"][1], int(number) - 1 if number.isdigit() else 0
    size = (1 - start) / max(1, shape.rounds)
    return min(1.0, start + index * size), min(1.0, start + (index + 1) * size)
