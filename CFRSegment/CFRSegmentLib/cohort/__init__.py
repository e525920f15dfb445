"""The cohort: a folder of one segmentation task, with its classes, cases, labels, decisions, runs and models.

Standard library and CFRTrain.runs only; no slicer, no qt. All methods belong to one thread, the window's.

    with Cohort.create(folder, "left atrium", classes) as cohort:
        case = cohort.addCase(Origin("file", path), "volume 1", image)
        temporary = cohort.newLabelFile(case.id)      # write the label there, as .seg.nrrd
        cohort.commitLabel(case.id, temporary, alias="jd")
"""

from .case import Case, Origin, Status
from .classes import SegmentClass
from .cohort import Cohort
from .errors import CohortError
from .review_log import ReviewRecord
from .rules import TrainingCase

__all__ = [
    "Case",
    "Cohort",
    "CohortError",
    "Origin",
    "ReviewRecord",
    "SegmentClass",
    "Status",
    "TrainingCase",
]
