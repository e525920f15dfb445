"""What a viewer is shown of a pseudo-label."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from CFRTrain.data.volumes import read_volume
from CFRTrain.labelers.base import PseudoLabel, one_hot
from CFRTrain.stages.review_files import _write_case
from Testing.engine.cohort import Cohort


def test_images_that_differ_do_not_color_a_region_where_the_label_is_certain(tmp_path):
    cohort = Cohort(tmp_path)
    labels = cohort.labels["case_0002"]
    probabilities = one_hot(labels, 2)
    doubtful = (slice(None), slice(0, 3))
    probabilities[doubtful] = 1 / 3
    agreement = np.full(labels.shape, 0.2, np.float32)
    context = SimpleNamespace(store=cohort.store, run=cohort.run, job=cohort.job)
    _write_case(context, "case_0002", PseudoLabel(probabilities, agreement))
    shown = read_volume(cohort.run.root / "review/case_0002_uncertainty.nii.gz", "case_0002").array
    assert shown[:3].min() == 100 and shown[3:].max() == 0
