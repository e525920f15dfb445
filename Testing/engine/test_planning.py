"""The plan: native or coarsened grid, patch, axis, intensities; readable, overridable, strictly read back."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from CFRTrain.data.checking import CheckReport
from CFRTrain.data.fingerprint import Fingerprint, Intensities
from CFRTrain.data.planning import (
    CPU_PATCH_VOXELS,
    GPU_PATCH_VOXELS,
    Plan,
    plan_cohort,
    plan_from_json,
    plan_to_json,
)
from CFRTrain.labelers.sam_choice import choose_sam, chosen_input
from CFRTrain.labelers.sam_input import choose_input
from CFRTrain.runs.errors import DataError, JobError
from CFRTrain.runs.job import ClassSpec, FineTune, Job, PlanOverrides, Retrain

JOB = Job(classes=(ClassSpec(1, "organ"),))


def report(
    *grids: tuple[tuple[int, int, int], tuple[float, float, float]],
    inside: Intensities | None = None,
    role: str = "labeled",
) -> CheckReport:
    whole = Intensities(0.0, 1.0, (0.0,) * 5)
    return CheckReport(
        (),
        tuple(
            Fingerprint(f"c{index}", role, size, spacing, whole, str(index), inside)
            for index, (size, spacing) in enumerate(grids)
        ),
    )


HIPPOCAMPUS = report(((35, 50, 35), (1.0,) * 3), ((36, 48, 34), (1.0,) * 3), ((34, 51, 36), (1.0,) * 3))
ATRIUM = report(
    ((88, 140, 190), (0.625,) * 3), ((88, 142, 192), (0.625,) * 3), ((88, 150, 200), (0.625,) * 3)
)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize(("levels", "patch"), [(4, (32, 48, 32)), (5, (32, 48, 32))])
def test_a_small_cohort_keeps_its_grid_and_trains_on_whole_volumes(device, levels, patch):
    plan = plan_cohort(HIPPOCAMPUS, replace(JOB, retrain=Retrain(levels=levels)), device)
    assert plan.spacing_zyx == (1.0, 1.0, 1.0) and plan.median_shape == (35, 50, 35)
    assert plan.patch_zyx == patch and plan.slicing_axis == 0


def test_a_large_cohort_is_coarsened_on_a_cpu_until_a_patch_nearly_holds_a_volume():
    for levels in (4, 5):
        plan = plan_cohort(ATRIUM, replace(JOB, retrain=Retrain(levels=levels)), "cpu")
        assert 1.5 <= plan.spacing_zyx[0] <= 2.5 and len(set(plan.spacing_zyx)) == 1
        pairs = zip(plan.patch_zyx, plan.median_shape, strict=True)
        assert all(0.75 * extent <= side <= 1.25 * extent for side, extent in pairs)
        assert math.prod(plan.patch_zyx) <= 1.25 * CPU_PATCH_VOXELS and "CPU" in plan.reasons["spacing_zyx"]
        assert all(side % 2 ** (levels - 1) == 0 for side in plan.patch_zyx)


def test_on_a_gpu_the_papers_patch_at_native_spacing_comes_out():
    plan = plan_cohort(ATRIUM, replace(JOB, retrain=Retrain(levels=5)), "cuda")
    assert plan.spacing_zyx == (0.625,) * 3 and plan.patch_zyx == (80, 112, 112)
    grid = choose_input("concatenated", plan.patch_zyx, plan.slicing_axis, plan.canvas, "official", 16).grid
    assert (grid.canvas, grid.rows * grid.cols, grid.slices) == (1008, 81, 80)


def test_a_cpu_does_not_coarsen_without_end():
    body = report(((400, 500, 500), (0.8,) * 3))
    plan = plan_cohort(body, JOB, "cpu")
    assert plan.spacing_zyx[0] == pytest.approx(3.2, abs=0.01)
    assert math.prod(plan.patch_zyx) <= CPU_PATCH_VOXELS
    assert all(side < extent for side, extent in zip(plan.patch_zyx, plan.median_shape, strict=True))


def test_thick_slices_keep_their_spacing_and_are_cut_along_it():
    thick = report(
        ((12, 256, 256), (8.0, 1.4, 1.4)),
        ((10, 256, 256), (10.0, 1.4, 1.4)),
        ((10, 256, 256), (10.0, 1.4, 1.4)),
    )
    plan = plan_cohort(thick, JOB, "cuda")
    assert plan.spacing_zyx == (pytest.approx(8.4), 1.4, 1.4) and "Thick" in plan.reasons["spacing_zyx"]
    assert math.prod(plan.patch_zyx) <= GPU_PATCH_VOXELS
    coarse = plan_cohort(thick, JOB, "cpu").spacing_zyx
    assert coarse[0] == pytest.approx(8.4) and coarse[1] == coarse[2] > 1.4
    sagittal = report(((256, 256, 12), (1.0, 1.0, 5.0)))
    assert plan_cohort(sagittal, JOB, "cpu").slicing_axis == 2


def test_intensities_follow_the_modality_and_the_labeled_structures():
    assert plan_cohort(HIPPOCAMPUS, JOB, "cpu").intensity.scheme == "zscore"
    scan = replace(JOB, modality="CT")
    plain = plan_cohort(HIPPOCAMPUS, scan, "cpu").intensity
    assert (plain.scheme, plain.low, plain.high) == ("ct_window", -125.0, 275.0)
    bright = Intensities(350.0, 60.0, (200.0, 250.0, 350.0, 450.0, 500.0))
    seen = plan_cohort(report(((35, 50, 35), (1.0,) * 3), inside=bright), scan, "cpu").intensity
    assert (seen.low, seen.high, seen.mean, seen.std) == (-125.0, 500.0, 350.0, 60.0)
    grid = ((35, 50, 35), (1.0,) * 3)
    assert plan_cohort(report(grid, inside=bright, role="validation"), scan, "cpu").intensity == plain


def test_what_the_job_sets_wins_and_is_said():
    asked = PlanOverrides((2.0, 1.0, 1.0), (16, 32, 32), 1, "ct_window", 256)
    plan = plan_cohort(HIPPOCAMPUS, replace(JOB, plan=asked), "cpu")
    assert (plan.spacing_zyx, plan.patch_zyx, plan.slicing_axis) == ((2.0, 1.0, 1.0), (16, 32, 32), 1)
    assert plan.intensity.scheme == "ct_window" and plan.canvas == 256
    assert all(
        "job" in plan.reasons[key]
        for key in ("spacing_zyx", "patch_zyx", "slicing_axis", "intensity", "canvas")
    )
    with pytest.raises(JobError, match="multiples of 16"):
        plan_cohort(HIPPOCAMPUS, replace(JOB, plan=PlanOverrides(patch_zyx=(20, 32, 32))), "cpu")


def test_no_slice_is_lost_on_the_canvas():
    for grids in (HIPPOCAMPUS, ATRIUM):
        for device in ("cpu", "cuda"):
            plan = plan_cohort(grids, JOB, device)
            sam_input = choose_input(
                "concatenated", plan.patch_zyx, plan.slicing_axis, plan.canvas, "official", 16
            )
            assert sam_input.patch_zyx == plan.patch_zyx


@pytest.mark.parametrize(("finetune", "plan", "used"), [(0, None, 0), (0, 128, 128), (256, 128, 256)])
def test_the_canvas_of_fine_tuning_comes_before_the_plans_and_sam_uses_the_one_planned(finetune, plan, used):
    job = replace(JOB, finetune=FineTune(canvas=finetune), plan=PlanOverrides(canvas=plan))
    planned = plan_cohort(HIPPOCAMPUS, job, "cpu")
    assert planned.canvas == used
    by_hand = replace(planned, canvas=512)
    choice = choose_sam(job, Path("run"))
    assert chosen_input(choice, job, planned).canvas == (used or smallest_on(planned))
    assert chosen_input(choice, job, by_hand).canvas == 512
    stand_in = replace(JOB, finetune=FineTune(model="vit_b", canvas=1024))
    assert chosen_input(choose_sam(stand_in, Path("run")), stand_in, by_hand).canvas == smallest_on(planned)


def smallest_on(plan: Plan) -> int:
    return choose_input("concatenated", plan.patch_zyx, plan.slicing_axis, 0, "official", 8).canvas


def test_without_any_usable_case_there_is_no_plan():
    with pytest.raises(DataError):
        plan_cohort(CheckReport((), ()), JOB, "cpu")


def test_a_plan_survives_its_file_and_explains_every_value():
    for job in (JOB, replace(JOB, modality="CT")):
        plan = plan_cohort(ATRIUM, job, "cpu")
        assert plan_from_json(plan_to_json(plan)) == plan
        assert set(plan.reasons) == {"spacing_zyx", "patch_zyx", "slicing_axis", "intensity", "canvas"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spacing_zyx", [1, 1]),
        ("spacing_zyx", [1, 0, 1]),
        ("spacing_zyx", [1, float("nan"), 1]),
        ("patch_zyx", [16, 16.5, 16]),
        ("patch_zyx", [16, True, 16]),
        ("slicing_axis", 3),
        ("format", 2),
        ("format", True),
        ("intensity.scheme", "magic"),
        ("intensity.low", 99.9),
        ("intensity.mean", 4),
        ("canvas", 10**400),
        ("canvas", 63),
        ("canvas", False),
        ("canvas", {"size": 64}),
        ("reasons", {"a": 1}),
        ("reasons", None),
        ("unknown", 1),
        ("intensity.more", 1),
        ("canvas", []),
    ],
)
def test_a_wrong_value_in_an_edited_plan_is_named(path, value):
    values = json.loads(plan_to_json(plan_cohort(HIPPOCAMPUS, JOB, "cpu")))
    *parents, last = path.split(".")
    inner = values
    for parent in parents:
        inner = inner[parent]
    inner[last] = value
    with pytest.raises(JobError) as caught:
        plan_from_json(json.dumps(values))
    assert path.split(".")[0] in caught.value.text


def test_the_fixed_real_cohorts_get_sensible_plans(data_root):
    from CFRTrain.data.cases import Case
    from CFRTrain.data.checking import check_cases

    for name, spacing in (("hippocampus", 1.0), ("left_atrium", 0.625)):
        images = sorted((data_root / name / "images").iterdir())[:2]
        found = check_cases(
            [Case(f"c{index}", path, None, "unlabeled") for index, path in enumerate(images)], JOB.classes
        )
        plan = plan_cohort(found, JOB, "cuda")
        assert plan.spacing_zyx == pytest.approx((spacing,) * 3)


@pytest.mark.parametrize("size", [(20, 20, 20), (12, 24, 24), (3, 5, 4)])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_patch_of_tiny_volumes_still_fits_the_network(size, device):
    found = plan_cohort(report((size, (1.0,) * 3)), JOB, device)
    assert all(side % 16 == 0 for side in found.patch_zyx) and max(found.patch_zyx) > 16
