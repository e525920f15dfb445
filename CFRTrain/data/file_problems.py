"""The problems of a file, each with the remedy that a user can act on."""

from __future__ import annotations

from CFRTrain.runs.errors import DataError

SAVE_AGAIN = "Open the volume in 3D Slicer, look at it and save it again as .nii.gz or .nrrd."
REMEDIES = {
    "missing": "Restore the file, or take the case out of the list.",
    "format": "Convert the volume to .nii.gz, .nrrd or .mha, or give a folder with one DICOM series.",
    "damaged": "Copy or export the file again from its source, or take the case out of the list.",
    "changed": "Restore the original file, or make the case list again so that it holds the present content.",
    "detached": "Save header and voxels in one file (.nii.gz, .nrrd, .mha).",
    "encoding": SAVE_AGAIN,
    "too_large": "Crop or downsample the volume. If it is smaller, its header is damaged: export it again.",
    "not_3d": "Save one 3D volume per file: pick a single frame, or stack the slices.",
    "multi_component": "Save one number per voxel: pick one channel and save it as a scalar volume.",
    "overlapping": "Overlapping segments are not supported: export a labelmap with a single layer.",
    "spacing": "Set the spacing in mm (3D Slicer: Volumes, Volume Information) and save the volume again.",
    "geometry": SAVE_AGAIN,
    "not_finite": "Replace NaN and infinite voxels, usually by 0 or the background value, and save again.",
    "one_slice": "A 3D network needs several slices in every direction: leave this case out.",
    "constant": "The volume shows nothing; export it again, or leave this case out.",
    "no_series": "Give a folder that holds the DICOM files of exactly one series.",
    "foreign_files": "Leave only the files of one series in the folder, and export damaged slices again.",
    "several_series": "Put every series into a folder of its own.",
    "missing_slices": "Export the complete series again; slices are missing, doubled or unevenly spaced.",
    "tilted": "Import the series in 3D Slicer, which corrects the gantry tilt, and save it as .nrrd.",
    "other_grid": "Export the label with the image as reference geometry, so that both have the same voxels.",
    "not_integer": "Save the label with whole numbers (for example unsigned char).",
    "label_values": "Correct the label, or add the missing class to the job.",
    "empty_label": "Draw the structures and save the label again, or list the case as unlabeled.",
}


def problem(code: str, text: str, case: str) -> DataError:
    """The error of `code` with its remedy, to be raised by the caller."""
    return DataError(code, text, REMEDIES[code], case=case)


def damaged(text: str, case: str) -> DataError:
    """A file that is truncated or corrupted."""
    return problem("damaged", text, case)
