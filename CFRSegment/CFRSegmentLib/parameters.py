"""What the module keeps in the scene: which cohort, which case, and the choices of its panels."""

from __future__ import annotations

from typing import Annotated

from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper


@parameterNodeWrapper
class CFRSegmentParameterNode:
    """The state that a saved scene brings back.

    cohortFolder: folder of the open cohort, empty for none. caseId: the open case, empty for none.
    statusFilter: the status that the list of cases shows, empty for all.
    preset, device, labeler, method, samModel, modality, seed, threads: as in engine.TrainSettings.
    showUncertainty, uncertaintyOpacity: how Review shows the overlay. model: file name of the model that
    Apply uses, empty for the newest.
    """

    cohortFolder: str = ""
    caseId: str = ""
    statusFilter: str = ""
    preset: str = "standard"
    device: str = "auto"
    labeler: str = ""
    method: str = ""
    samModel: str = ""
    modality: str = "MR"
    seed: Annotated[int, WithinRange(0, 2147483647)] = 0
    threads: Annotated[int, WithinRange(0, 1024)] = 0
    showUncertainty: bool = True
    uncertaintyOpacity: Annotated[float, WithinRange(0.0, 1.0)] = 0.5
    model: str = ""
