"""How much a run is still going to write, so that a disk too small is said before hours of work."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from CFRTrain.labelers.registration import MOST_REGISTERED_VOXELS, RegistrationOptions
from CFRTrain.labelers.templates import CANDIDATES_PER_TEMPLATE
from CFRTrain.models.model_description import NetworkConfig
from CFRTrain.retraining.assembly import method_of
from CFRTrain.runs.checkpoints import KEPT
from CFRTrain.stages.context import Context
from CFRTrain.stages.labeling import chosen_labeler, labels_cases, uses
from CFRTrain.stages.planar_estimate import planar_cost
from CFRTrain.stages.sam_estimate import SamCost, sam_cost

STORED_BYTES = 5  # per voxel: float32 image, uint8 label
DISPLACEMENT_BYTES = 6  # per voxel: three components in half precision
# Per voxel of a case's own grid: label map and uncertainty, compressed. Measured: 0.48 on hippocampus, where
# the structures fill much of the volume.
REVIEW_BYTES = 0.5
WITH_MOMENTS = 4 * 3  # bytes of a number that AdamW trains, in a checkpoint
REPORT_BYTES = 16 << 20  # report, overlays, events and log


def require_disk_space(context: Context) -> None:
    """Raises DiskFullError where the disk cannot hold what the run is still going to write."""
    parts = {name: size for name, size in disk_need(context).items() if size}
    detail = ", ".join(f"{name} {size / 2**20:.0f}" for name, size in parts.items())
    context.run.require_free_space(sum(parts.values()), f" ({detail})" if detail else "")


def disk_need(context: Context) -> dict[str, int]:
    """Bytes that are still to be written, by folder of the run: those expected less those that are there."""
    sam = sam_cost(context) if labels_cases(context) and uses(context, "sam") else SamCost()
    expected = {
        "store": _voxels(context) * STORED_BYTES * len(context.cases),
        "registrations": _registrations(context),
        "templates": _templates(context),
        "pseudo_labels": _pseudo_labels(context),
        "review": int(own_voxels(context) * REVIEW_BYTES * _labeled_by_machine(context)),
        "embeddings": sam.view_bytes,
        "checkpoints": _checkpoints(context, sam.trainable),
        "predictions": int(own_voxels(context) * REVIEW_BYTES / 2 * len(context.ids("validation"))),
    }
    need = {name: max(0, size - _on_disk(context.run.root / name)) for name, size in expected.items()}
    return {**need, "model and report": 3 * 4 * _parameters(context) + REPORT_BYTES}


def own_voxels(context: Context) -> int:
    """Voxels of a median case on its file's own grid, as the check found it."""
    found = context.run.read_json("check.json") if (context.run.root / "check.json").is_file() else {}
    return int(found.get("median_voxels") or _voxels(context))


def _voxels(context: Context) -> int:
    return math.prod(context.planned().median_shape)


def _labeled_by_machine(context: Context) -> int:
    return len(context.ids("unlabeled")) if labels_cases(context) else 0


def _registrations(context: Context) -> int:
    job = context.job
    for_pairs = job.retrain.pairs > 0 or uses(context, "network") and job.network_labeler.pairs > 0
    if not (for_pairs or labels_cases(context) and uses(context, "atlas")):
        return 0
    pairs = len(context.ids("unlabeled")) * min(len(context.ids("labeled")), job.atlas.atlases)
    fields = pairs * len(RegistrationOptions().ways)
    return fields * DISPLACEMENT_BYTES * min(_voxels(context), MOST_REGISTERED_VOXELS)


def _templates(context: Context) -> int:
    wanted = context.job.atlas.templates * CANDIDATES_PER_TEMPLATE if uses(context, "atlas") else 0
    return min(wanted, _labeled_by_machine(context)) * _one_pseudo_label(context)


def _pseudo_labels(context: Context) -> int:
    """One file per case and labeler: the members of a fusion, the fusion, and each further round."""
    job = context.job
    members = len(job.fusion_members) if chosen_labeler(context) == "fusion" else 0
    files = members + 1 + job.retrain.rounds - 1
    return files * _labeled_by_machine(context) * _one_pseudo_label(context)


def _one_pseudo_label(context: Context) -> int:
    """A byte per voxel and class, background too, and one for the agreement."""
    return _voxels(context) * (len(context.job.classes) + 2)


def _parameters(context: Context) -> int:
    with torch.device("meta"):
        network = NetworkConfig.of(context.job).build()
    return sum(parameter.numel() for parameter in network.parameters())


def _checkpoints(context: Context, sam_trainable: int) -> int:
    """The checkpoints that every training keeps, and for a moment one more."""
    job, method = context.job, method_of(context.job)
    moments = 1 if job.retrain.optimizer == "sgd" else 2
    teachers = 1 if method.needs_ema or job.retrain.result == "ema" else 0
    one = 4 * _parameters(context) * method.networks * (1 + teachers + moments)
    with_planar = one + WITH_MOMENTS * planar_cost(context).trainable
    labelers = uses(context, "network") * job.network_labeler.networks
    trainings = 1 + (job.retrain.rounds - 1) * labels_cases(context)
    sam = WITH_MOMENTS * sam_trainable
    return KEPT * (trainings * with_planar + labelers * one + sam) + max(with_planar, sam)


def _on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
