"""Cohorts on the disk for tests in the window."""

from __future__ import annotations

from pathlib import Path

HIPPOCAMPUS = ((1, "Anterior", (230, 159, 0)), (2, "Posterior", (86, 180, 233)))


def make_cohort(folder: Path, name: str, pairs: list[tuple[Path, Path]], labeled: int) -> Path:
    """A cohort of these volumes, the first ones with their labels; closed again."""
    import SimpleITK as sitk

    from CFRSegmentLib.cohort import Cohort, Origin, SegmentClass

    with Cohort.create(folder, name, [SegmentClass(*item) for item in HIPPOCAMPUS]) as cohort:
        for number, (image, label) in enumerate(pairs):
            title = image.name.removesuffix(".nii.gz")
            case = cohort.addCase(Origin("file", str(image)), title, image, "MR")
            if number < labeled:
                temporary = cohort.newLabelFile(case.id)
                sitk.WriteImage(sitk.Cast(sitk.ReadImage(str(label)), sitk.sitkUInt8), str(temporary))
                cohort.commitLabel(case.id, temporary, "tester")
    return folder


def write_label(session, case_id: str, label: Path) -> None:
    """Give a case of the open cohort a label from a file, and tell the window."""
    import SimpleITK as sitk

    temporary = session.cohort.newLabelFile(case_id)
    sitk.WriteImage(sitk.Cast(sitk.ReadImage(str(label)), sitk.sitkUInt8), str(temporary))
    session.cohort.commitLabel(case_id, temporary, "tester")
    session.casesChanged.emit((case_id,))
