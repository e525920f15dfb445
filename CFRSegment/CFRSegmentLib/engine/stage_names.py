"""What the engine is doing, in words. Standard library only."""

from __future__ import annotations

from ..i18n import _


def detailText(stage: str, phase: str) -> str:
    """What the engine is doing, for people."""
    if phase.startswith("retrain_"):
        return _("Re-training the network, round {round}").format(round=phase.removeprefix("retrain_"))
    if phase.startswith("label_network_"):
        number = phase.removeprefix("label_network_")
        return _("Training network {number} on the labeled volumes").format(number=number)
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
        "trust": _("Comparing how good the labelers are"),
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
