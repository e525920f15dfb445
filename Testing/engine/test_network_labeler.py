"""The network labeler: trains on the labeled cases, labels the others, goes on after a stop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from CFRTrain.labelers.network_labeler import NetworkLabeler, supervised_job
from CFRTrain.models.inference import predict_probabilities
from CFRTrain.runs.errors import StopRequested
from CFRTrain.runs.job import NetworkLabeler as Options
from Testing.engine.cohort import Cohort, mean_dice


def cohort_of(root, steps: int, pairs: float) -> Cohort:
    cohort = Cohort(root)
    cohort.job = replace(cohort.job, network_labeler=Options(steps=steps, pairs=pairs))
    return cohort


def test_a_short_training_finds_the_structures(tmp_path):
    cohort = cohort_of(tmp_path, steps=40, pairs=0.5)
    labeler = NetworkLabeler(*cohort.arguments())
    labeler.prepare()
    pseudo = labeler.label("case_0002")
    assert pseudo.probabilities.shape == (3, *cohort.labels["case_0002"].shape)
    assert np.allclose(pseudo.probabilities.sum(0), 1, atol=1e-4)
    assert mean_dice(pseudo.labels, cohort.labels["case_0002"]) > 0.4


def test_a_stopped_training_goes_on_to_the_same_bits(tmp_path):
    (tmp_path / "whole").mkdir(), (tmp_path / "stopped").mkdir()
    whole, stopped = cohort_of(tmp_path / "whole", 4, 1.0), cohort_of(tmp_path / "stopped", 4, 1.0)
    expected = NetworkLabeler(*whole.arguments()).label("case_0002")
    check = stopped.run.stop_requested
    asked = []
    stopped.run.stop_requested = lambda: asked.append(0) or len(asked) > 6
    with pytest.raises(StopRequested):
        NetworkLabeler(*stopped.arguments()).prepare()
    stopped.run.stop_requested = check
    again = NetworkLabeler(*stopped.arguments()).label("case_0002")
    assert np.array_equal(again.probabilities, expected.probabilities)


def test_the_training_is_supervised_with_its_own_steps_and_seed(tmp_path):
    given = cohort_of(tmp_path, 7, 0.0).job
    jobs = [supervised_job(given, index) for index in range(3)]
    assert {(job.method, job.retrain.steps) for job in jobs} == {("supervised", 7)}
    assert len({given.seed, *(job.seed for job in jobs)}) == 4
    assert jobs[0].retrain.batch_labeled == given.retrain.batch_labeled + given.retrain.batch_unlabeled


def test_several_networks_label_with_the_mean_of_their_probabilities(tmp_path):
    cohort = cohort_of(tmp_path, 3, 0.0)
    cohort.job = replace(cohort.job, network_labeler=Options(steps=3, networks=2, pairs=0.0))
    both = NetworkLabeler(*cohort.arguments())
    mean = both.label("case_0002").probabilities
    single = []
    for network in both.networks():
        image = np.array(cohort.store.image("case_0002"))
        single.append(predict_probabilities(network, image, cohort.plan.patch_zyx, 0.5))
    assert not np.allclose(single[0], single[1], atol=1e-3)
    assert np.allclose(mean, (single[0] + single[1]) / 2, atol=1e-6)


def test_a_labeled_case_gets_its_own_label_without_training(tmp_path):
    cohort = cohort_of(tmp_path, 1, 0.0)
    assert np.array_equal(
        NetworkLabeler(*cohort.arguments()).label("case_0001").labels, cohort.labels["case_0001"]
    )
