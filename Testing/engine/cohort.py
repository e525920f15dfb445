"""A small cohort of bent ellipsoids in a run folder, for tests of labelers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from CFRTrain.data.geometry import Geometry
from CFRTrain.data.plan import Intensity, Plan
from CFRTrain.data.store import CaseStore
from CFRTrain.runs.job import Atlas, ClassSpec, Job, Retrain
from CFRTrain.runs.run_folder import RunFolder

SHAPE = (16, 20, 18)
CLASSES = (ClassSpec(3, "front"), ClassSpec(7, "back"))


def make_case(seed: int, shape: tuple[int, int, int] = SHAPE) -> tuple[np.ndarray, np.ndarray]:
    """A normalized image (z,y,x) and its class indices: an ellipsoid of two halves, another one per seed."""
    generator = np.random.default_rng(seed)
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    radii, center, bend = (
        generator.uniform(0.45, 0.6, 3),
        generator.uniform(-0.12, 0.12, 3),
        generator.uniform(0, 0.2),
    )
    y = y - center[1] - bend * x**2
    inside = ((z - center[0]) / radii[0]) ** 2 + (y / radii[1]) ** 2 + ((x - center[2]) / radii[2]) ** 2 < 1
    label = np.where(inside, np.where(y < 0, 1, 2), 0).astype(np.uint8)
    image = gaussian_filter(np.array([0.0, 2.0, 3.0])[label], 0.7) + generator.normal(0, 0.1, shape)
    return ((image - image.mean()) / image.std()).astype(np.float32), label


class Cohort:
    """Cases `case_0001` ... in a run folder, the first `labeled` of them labeled; `labels` has the truth."""

    def __init__(self, root: Path, count: int = 4, labeled: int = 1, **atlas: object) -> None:
        self.ids = [f"case_{index + 1:04d}" for index in range(count)]
        self.labeled = tuple(self.ids[:labeled])
        self.run = RunFolder(root)
        self.store = CaseStore(root / "store")
        self.labels: dict[str, np.ndarray] = {}
        geometry, entries = Geometry(SHAPE, (1.0, 1.0, 1.0)), []
        for index, case in enumerate(self.ids):
            image, self.labels[case] = make_case(index)
            known = self.labels[case] if index < labeled else None
            self.store.put(case, image, known, geometry, geometry)
            role, label = ("labeled", f"{case}.nii.gz") if index < labeled else ("unlabeled", None)
            (root / f"image_{case}.nii.gz").touch()
            (root / f"{case}.nii.gz").touch()
            entries.append({"id": case, "image": f"image_{case}.nii.gz", "label": label, "role": role})
        self.run.write_json("cases.json", {"format": 1, "cases": entries})
        retrain = replace(Retrain(), width=4, levels=2, guard=False, checkpoint_every=2, log_every=2)
        self.job = Job(classes=CLASSES, atlas=replace(Atlas(), **atlas), retrain=retrain, device="cpu")
        self.plan = Plan(
            (1.0, 1.0, 1.0), (16, 16, 16), 0, Intensity("zscore", 0.5, 99.5), 0, SHAPE
        )  # fmt: skip

    def arguments(self) -> tuple[CaseStore, tuple[str, ...], Plan, Job, RunFolder]:
        """What every labeler is constructed with."""
        return self.store, self.labeled, self.plan, self.job, self.run


def mean_dice(prediction: np.ndarray, truth: np.ndarray, classes: int = 2) -> float:
    """Mean Dice over class indices 1 ... classes."""
    scores = []
    for index in range(1, classes + 1):
        first, second = prediction == index, truth == index
        scores.append(2 * float((first & second).sum()) / max(float(first.sum() + second.sum()), 1.0))
    return float(np.mean(scores))
