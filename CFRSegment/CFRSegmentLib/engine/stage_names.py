"""The engine's stages and phases in the words of the papers, and their share of a run."""

from __future__ import annotations

from collections.abc import Mapping

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
        "atlas_templates": (0.0, 0.2),
        "warped_pairs": (0.0, 0.2),
        "finetune": (0.0, 0.7),
        "label_network": (0.2, 0.7),
        "atlas": (0.0, 0.95),
        "sam": (0.7, 0.95),
        "network": (0.7, 0.95),
        "fusion": (0.7, 0.95),
        "review": (0.95, 1.0),
    },
    "retrain": {"warped_pairs": (0.0, 0.1)},
}


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
        "atlas": _("Registering the labeled volumes to the others"),
        "atlas_templates": _("Registering the best matched volumes"),
        "warped_pairs": _("Making training pairs by registration"),
        "sam": _("Labeling the volumes with SAM"),
        "network": _("Labeling the volumes with the first network"),
        "fusion": _("Labeling the volumes"),
        "review": _("Writing the pseudo-labels for review"),
    }
    return texts.get(phase) or texts.get(stage, "")


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


def phaseSpan(stage: str, phase: str, rounds: int = 1) -> tuple[float, float]:
    """Where in its stage a phase begins and ends, 0 to 1; what is not known is the whole stage."""
    first = PHASES["retrain"]["warped_pairs"][1]
    if stage == "retrain" and (phase == "retrain" or phase.startswith("retrain_")):
        number = phase.removeprefix("retrain").removeprefix("_")
        index = int(number) - 1 if number.isdigit() else 0
        size = (1 - first) / max(1, rounds)
        return min(1.0, first + index * size), min(1.0, first + (index + 1) * size)
    if stage == "retrain" and phase != "warped_pairs":
        return 0.0, 0.0  # labeling anew between two rounds: the bar waits
    return PHASES.get(stage, {}).get(phase, (0.0, 1.0))
