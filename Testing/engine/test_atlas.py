"""The atlas labeler: labels by registration, the same every time, whatever was interrupted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from CFRTrain.data.plan import Intensity, Plan
from CFRTrain.data.preprocessing import normalize
from CFRTrain.data.volumes import read_label, read_volume
from CFRTrain.labelers.atlas import AtlasLabeler, smoothed_one_hot
from CFRTrain.labelers.base import PseudoLabelCache, case_uncertainty, label_all
from CFRTrain.labelers.registration import Transform, register, warp_probabilities
from CFRTrain.labelers.templates import evenly
from CFRTrain.labelers.transform_store import TransformStore
from CFRTrain.labelers.voting import Ballot, band_correlation, local_weight
from CFRTrain.runs.errors import DataError, StopRequested
from CFRTrain.runs.events import read_events
from Testing.engine.cohort import Cohort, mean_dice


def test_unlabeled_cases_get_labels_that_fit(tmp_path):
    cohort = Cohort(tmp_path)
    atlas = AtlasLabeler(*cohort.arguments())
    atlas.prepare()
    for case in cohort.ids[1:3]:
        pseudo = atlas.label(case)
        unregistered = mean_dice(cohort.labels["case_0001"], cohort.labels[case])
        assert mean_dice(pseudo.labels, cohort.labels[case]) > max(0.8, unregistered + 0.1)
        assert np.allclose(pseudo.probabilities.sum(0), 1, atol=1e-4)


def test_a_labeled_case_gets_its_own_label(tmp_path):
    cohort = Cohort(tmp_path)
    pseudo = AtlasLabeler(*cohort.arguments()).label("case_0001")
    assert np.array_equal(pseudo.labels, cohort.labels["case_0001"])
    assert pseudo.confidence.min() == 1


def test_without_a_labeled_case_there_is_no_atlas(tmp_path):
    cohort = Cohort(tmp_path)
    with pytest.raises(DataError, match="no labeled case"):
        AtlasLabeler(cohort.store, (), cohort.plan, cohort.job, cohort.run)


def test_the_same_cohort_gives_the_same_bits_also_with_registrations_from_disk(tmp_path):
    (tmp_path / "second").mkdir()
    first, second = Cohort(tmp_path, count=3, labeled=2), Cohort(tmp_path / "second", count=3, labeled=2)
    second.job = replace(second.job, threads=1)
    computed = AtlasLabeler(*first.arguments()).label("case_0003")
    from_disk = AtlasLabeler(*first.arguments()).label("case_0003")
    elsewhere = AtlasLabeler(*second.arguments()).label("case_0003")
    assert np.array_equal(computed.probabilities, from_disk.probabilities)
    assert np.array_equal(computed.probabilities, elsewhere.probabilities)
    assert np.array_equal(computed.confidence, from_disk.confidence)


def test_registrations_are_kept_and_a_damaged_one_is_made_again(tmp_path):
    cohort = Cohort(tmp_path)
    atlas = AtlasLabeler(*cohort.arguments())
    expected = atlas.transform("case_0002", "case_0001")
    path = atlas.transforms.path("case_0002", "case_0001")
    content = bytearray(path.read_bytes())
    content[-9] ^= 64
    path.write_bytes(bytes(content))
    assert atlas.transforms.get("case_0002", "case_0001") is None
    again = atlas.transform("case_0002", "case_0001")
    assert np.array_equal(again.displacement, expected.displacement)
    stored = atlas.transforms.get("case_0002", "case_0001")[0]
    assert np.array_equal(stored.displacement, expected.displacement)
    assert np.array_equal(stored.affine, expected.affine)
    assert (stored.shape_zyx, stored.field_spacing_zyx) == (expected.shape_zyx, expected.field_spacing_zyx)


def test_a_way_that_failed_has_next_to_no_vote(tmp_path):
    cohort = Cohort(tmp_path)
    atlas = AtlasLabeler(*cohort.arguments())
    good = atlas._registered("case_0002", ["case_0001"], keep=True)[0][0]
    alone, far = atlas.label("case_0002"), good.affine + np.eye(3, 4, 3) * 20
    failed = replace(good, affine=far, similarity=good.similarity - 0.4)
    atlas.transforms.put("case_0002", "case_0001", (good, failed))
    beside = atlas.label("case_0002")
    assert mean_dice(beside.labels, cohort.labels["case_0002"]) > 0.8
    atlas.transforms.put("case_0002", "case_0001", (failed,))
    assert mean_dice(atlas.label("case_0002").labels, cohort.labels["case_0002"]) < 0.5
    assert mean_dice(beside.labels, alone.labels) > 0.95


def test_registrations_of_other_options_are_not_taken(tmp_path):
    cohort = Cohort(tmp_path)
    atlas = AtlasLabeler(*cohort.arguments())
    atlas.transform("case_0002", "case_0001")
    assert TransformStore(atlas.transforms.folder, "other").get("case_0002", "case_0001") is None


def test_only_the_most_similar_labeled_cases_vote(tmp_path):
    cohort = Cohort(tmp_path, count=5, labeled=4, atlases=2)
    twin = np.array(cohort.store.image("case_0005"))
    geometry = cohort.store.geometry("case_0003")
    cohort.store.put("case_0003", twin, cohort.labels["case_0005"], geometry, geometry)
    atlas = AtlasLabeler(*cohort.arguments())
    assert atlas.closest("case_0005")[0] == "case_0003"
    assert len(atlas.closest("case_0005")) == 2
    assert mean_dice(atlas.label("case_0005").labels, cohort.labels["case_0005"]) > 0.95


def test_templates_are_well_matched_unlabeled_cases_and_survive_a_stop(tmp_path):
    cohort = Cohort(tmp_path, count=5, templates=2)
    atlas = AtlasLabeler(*cohort.arguments())
    cohort.run.request_stop()
    with pytest.raises(StopRequested):
        atlas.prepare()
    cohort.run.clear_stop()
    atlas.prepare()
    chosen = atlas.templates.chosen
    assert len(chosen) == 2 and set(chosen) <= set(cohort.ids[1:])
    resumed = AtlasLabeler(*cohort.arguments())
    resumed.templates = None
    resumed.prepare()
    assert resumed.templates.chosen == chosen
    target = next(case for case in cohort.ids[1:] if case not in chosen)
    pseudo = resumed.label(target)
    assert mean_dice(pseudo.labels, cohort.labels[target]) > 0.8
    assert np.array_equal(atlas.label(target).probabilities, pseudo.probabilities)


def test_every_case_goes_through_the_cache_with_its_uncertainty(tmp_path):
    cohort = Cohort(tmp_path, count=3)
    cache = PseudoLabelCache(cohort.run.folder("pseudo_labels"))
    assert label_all(AtlasLabeler(*cohort.arguments()), cohort.ids, cache, cohort.run) == tuple(cohort.ids)
    events = read_events(cohort.run.root / "events.jsonl")[0]
    uncertainty = {event["case"]: event["uncertainty"] for event in events if event["type"] == "case_done"}
    assert uncertainty["case_0001"] == 0
    assert all(0 < uncertainty[case] < 1 for case in cohort.ids[1:])


def test_a_case_that_does_not_match_is_less_certain(tmp_path):
    cohort = Cohort(tmp_path)
    noise = np.random.default_rng(0).normal(size=cohort.labels["case_0003"].shape).astype(np.float32)
    geometry = cohort.store.geometry("case_0003")
    cohort.store.put("case_0003", noise, None, geometry, geometry)
    atlas = AtlasLabeler(*cohort.arguments())
    assert case_uncertainty(atlas.label("case_0003")) > case_uncertainty(atlas.label("case_0002")) + 0.1


def test_smoothing_spreads_equally_far_in_millimetres():
    labels = np.zeros((9, 9, 9), np.uint8)
    labels[4, 4, 4] = 1
    soft = smoothed_one_hot(labels, 1, 1.0, (2.0, 1.0, 1.0))
    assert soft[1, 5, 4, 4] == pytest.approx(soft[1, 4, 6, 4], rel=0.4)
    assert soft[1, 4, 6, 4] == pytest.approx(soft[1, 4, 4, 6], rel=1e-5)
    assert np.allclose(soft.sum(0), 1, atol=1e-5)


def test_votes_count_more_where_the_images_agree():
    target = np.random.default_rng(0).normal(size=(8, 8, 8)).astype(np.float32)
    good, bad = target.copy(), target + 2
    assert (local_weight(target, good) > 100 * local_weight(target, bad)).all()
    foreground, background = np.zeros((2, 8, 8, 8), np.float32), np.zeros((2, 8, 8, 8), np.float32)
    foreground[1], background[0] = 1, 1
    ballot = Ballot(target)
    ballot.add(foreground, good)
    ballot.add(background, bad)
    assert ballot.probabilities()[1].min() > 0.9
    plain = Ballot(target, local=False)
    plain.add(foreground, good)
    plain.add(background, bad, weight=3.0)
    assert np.allclose(plain.probabilities()[1], 0.25)


def test_the_band_correlation_ignores_what_is_far_from_the_foreground():
    image = np.random.default_rng(0).normal(size=(24, 8, 8)).astype(np.float32)
    other = image.copy()
    other[14:] = 0
    probabilities = np.zeros((2, 24, 8, 8), np.float32)
    probabilities[0] = 1
    probabilities[:, 2:5] = np.array([0, 1])[:, None, None, None]
    assert band_correlation(image, image, probabilities) == pytest.approx(1)
    assert band_correlation(image, other, probabilities) > 0.99
    assert band_correlation(image, -image, probabilities) == pytest.approx(-1)


def test_evenly_spread_choices_cover_the_sequence():
    assert evenly("abcdefghij", 3) == ("a", "d", "g")
    assert evenly("ab", 3) == ("a", "b")


def test_one_hippocampus_label_fits_others(data_root):
    """Cases of the development part only: the first 61 and the last 40 by name measure the whole pipeline."""
    names = sorted(path.name for path in (data_root / "hippocampus" / "images").glob("*.nii.gz"))[61:168]

    def load(name: str) -> tuple[np.ndarray, np.ndarray]:
        folder = data_root / "hippocampus"
        image, label = (
            sitk.GetArrayFromImage(sitk.ReadImage(str(folder / part / name))) for part in ("images", "labels")
        )
        return normalize(image, Intensity("zscore", 0.5, 99.5)), label.astype(np.uint8)

    spacing = (1.0, 1.0, 1.0)
    moving, moving_label = load(names[0])
    soft = smoothed_one_hot(moving_label, 2, 0.7, spacing)
    scores = []
    for name in names[1:6:4]:
        fixed, fixed_label = load(name)
        warped = warp_probabilities(soft, spacing, register(fixed, moving, spacing, spacing))
        scores.append(mean_dice(warped.argmax(0), fixed_label))
    assert np.mean(scores) > 0.65


def test_both_kinds_of_demons_label_real_volumes_and_diffeomorphic_ones_never_fold(tmp_path, hippocampus):
    """Of the development part, as above."""
    found, folds = {}, {}
    for demons in ("symmetric", "diffeomorphic"):
        (tmp_path / demons).mkdir()
        cohort = Cohort(tmp_path / demons, count=3, demons=demons)
        for case, (image, label) in zip(cohort.ids, hippocampus[61:67:2], strict=True):
            volume = read_volume(image, case)
            cohort.labels[case] = read_label(label, case, volume.geometry, [1, 2]).array
            array = normalize(volume.array, Intensity("zscore", 0.5, 99.5))
            known = cohort.labels[case] if case in cohort.labeled else None
            cohort.store.put(case, array, known, volume.geometry, volume.geometry)
        labeler = AtlasLabeler(*cohort.arguments())
        found[demons] = [labeler.label(case).labels for case in cohort.ids[1:]]
        folds[demons] = [folded(labeler.transform(case, "case_0001")) for case in cohort.ids[1:]]
        pairs = zip(found[demons], cohort.ids[1:], strict=True)
        assert min(mean_dice(one, cohort.labels[case]) for one, case in pairs) > 0.75
    for one, other in zip(*found.values(), strict=True):
        assert 0 < (one != other).mean() < 0.05
    assert folds["diffeomorphic"] == [0, 0]


def folded(transform: Transform) -> int:
    """Voxels at which a displacement field turns space inside out."""
    steps = transform.field_spacing_zyx
    gradient = [np.gradient(component, *steps) for component in transform.displacement.astype(float)]
    jacobian = np.moveaxis(np.array(gradient), (0, 1), (-2, -1)) + np.eye(3)
    return int((np.linalg.det(jacobian) <= 0).sum())


def test_a_large_volume_is_registered_at_a_bounded_resolution(tmp_path):
    cohort = Cohort(tmp_path, resolution_mm=2.0)
    atlas = AtlasLabeler(*cohort.arguments())
    assert atlas.transform("case_0002", "case_0001").displacement.shape == (3, 8, 10, 9)
    assert mean_dice(atlas.label("case_0002").labels, cohort.labels["case_0002"]) > 0.7


def test_a_plan_of_coarse_slices_is_labeled_too(tmp_path):
    cohort = Cohort(tmp_path)
    cohort.plan = Plan(
        (3.0, 1.0, 1.0), (16, 16, 16), 0, Intensity("zscore", 0, 1), 0, (16, 20, 18)
    )
    pseudo = AtlasLabeler(*cohort.arguments()).label("case_0002")
    assert mean_dice(pseudo.labels, cohort.labels["case_0002"]) > 0.8
