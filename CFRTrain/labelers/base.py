"""What every labeler gives and how it is kept: pseudo-labels, their cache, and the loop over cases."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from scipy.ndimage import binary_dilation

from CFRTrain.labelers.verified_tensors import read_tensors, verify_tensors, write_tensors
from CFRTrain.runs.atomic import file_stamp
from CFRTrain.runs.errors import CFRError, DataError
from CFRTrain.runs.run_folder import RunFolder
from CFRTrain.training.memory import accelerator_failed, ran_out_of_memory

BAND_VOXELS = 2  # on either side of a predicted surface: the band in which a reader looks first


def entropy_confidence(probabilities: np.ndarray) -> np.ndarray:
    """Confidence 1 - H(p) / ln C of probabilities (C,z,y,x): float32 (z,y,x), 1 is certain, 0 is uniform."""
    entropy = np.zeros(probabilities.shape[1:], np.float32)
    for channel in probabilities:
        entropy -= channel * np.log(np.maximum(channel, 1e-12))
    return np.clip(1.0 - entropy / np.float32(np.log(len(probabilities))), 0.0, 1.0).astype(np.float32)


@dataclass(eq=False)
class PseudoLabel:
    """A labeler's opinion on one whole volume at plan grid.

    probabilities: float32 (C,z,y,x), C = classes + 1 in the order background, classes[0], ...; they sum to 1.
    agreement: float32 (z,y,x) in [0, 1] that scales the confidence where several labelers voted, or None.
    """

    probabilities: np.ndarray
    agreement: np.ndarray | None = None

    @classmethod
    def from_labels(cls, labels: np.ndarray, classes: int) -> PseudoLabel:
        """The certain pseudo-label of class indices `labels` (z,y,x), `classes` without background."""
        return cls(one_hot(labels, classes))

    @cached_property
    def labels(self) -> np.ndarray:
        """Arg-max class index, uint8 (z,y,x)."""
        return self.probabilities.argmax(0).astype(np.uint8)

    @cached_property
    def confidence(self) -> np.ndarray:
        """1 - H(p) / ln C, times the agreement where there is one; float32 (z,y,x)."""
        confidence = entropy_confidence(self.probabilities)
        return confidence if self.agreement is None else confidence * self.agreement


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Class indices (z,y,x) as float32 (classes + 1, z,y,x); indices above `classes` count as background."""
    probabilities = np.stack([labels == index for index in range(classes + 1)]).astype(np.float32)
    probabilities[0] += labels > classes
    return probabilities


def case_uncertainty(pseudo: PseudoLabel) -> float:
    """Mean 1 - confidence in a band of four voxels around the predicted surfaces: 0 is sure, 1 is a guess.

    A volume without any foreground has no surface; it is worth a look, so it scores 1.
    """
    labels = pseudo.labels
    if not labels.any():
        return 1.0
    surface = np.zeros(labels.shape, bool)
    for axis in range(labels.ndim):
        low, high = [slice(None)] * labels.ndim, [slice(None)] * labels.ndim
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        change = labels[tuple(low)] != labels[tuple(high)]
        surface[tuple(low)] |= change
        surface[tuple(high)] |= change
    band = binary_dilation(surface, iterations=BAND_VOXELS - 1)
    if not band.any():
        return float(1.0 - pseudo.confidence.mean())
    return float(1.0 - pseudo.confidence[band].mean())


class PseudoLabelCache:
    """Pseudo-labels on disk, one verified file per case; a broken file counts as absent.

    key: what decides the content (for example the labeler's options); files of another key are stale.
    """

    def __init__(self, folder: Path, key: str = "") -> None:
        self.folder = Path(folder)
        self.key = key
        self._intact: dict[str, tuple[int, int]] = {}  # stamps of the files as they were when last read

    def path(self, case_id: str) -> Path:
        return self.folder / f"{case_id}.safetensors"

    def save(self, case_id: str, pseudo: PseudoLabel) -> None:
        """Quantizes the probabilities to 8 bits, keeping the arg-max, and writes atomically."""
        tensors = {"probabilities": quantize(pseudo.probabilities)}
        if pseudo.agreement is not None:
            tensors["agreement"] = np.round(np.clip(pseudo.agreement, 0, 1) * 255).astype(np.uint8)
        write_tensors(self.path(case_id), tensors, self._identity(case_id))
        self._intact[case_id] = file_stamp(self.path(case_id))

    def has(self, case_id: str) -> bool:
        """Whether an intact, current file exists; one read before is read again only if it changed."""
        stamp = file_stamp(self.path(case_id))
        if stamp is None or self._intact.get(case_id) == stamp:
            return stamp is not None
        intact = verify_tensors(self.path(case_id), self._identity(case_id))
        if intact:
            self._intact[case_id] = stamp
        return intact

    def load(self, case_id: str) -> PseudoLabel:
        """The stored pseudo-label, probabilities within 1/255. DataError when absent, broken or stale."""
        stamp = file_stamp(self.path(case_id))
        tensors = read_tensors(self.path(case_id), self._identity(case_id))
        if tensors is None or "probabilities" not in tensors:
            raise DataError(
                "pseudo_label_unreadable",
                "The stored pseudo-label is missing or damaged.",
                "Start the run again: it is made anew.",
                case=case_id,
            )
        self._intact[case_id] = stamp
        probabilities = tensors["probabilities"].astype(np.float32)
        probabilities /= probabilities.sum(0)
        agreement = tensors.get("agreement")
        return PseudoLabel(probabilities, None if agreement is None else agreement.astype(np.float32) / 255)

    def _identity(self, case_id: str) -> dict[str, str]:
        return {"case": case_id, "key": self.key, "kind": "pseudo_label"}


def quantize(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities (C,...) in 8 bits with an unchanged arg-max: rounding ties go to the original winner."""
    quantized = np.round(probabilities * 255).astype(np.uint8)
    winner = probabilities.argmax(0)[None]
    lost = quantized.argmax(0)[None] != winner
    at_winner = np.take_along_axis(quantized, winner, 0)
    np.put_along_axis(quantized, winner, at_winner + (lost | (at_winner == 0)).astype(np.uint8), 0)
    return quantized


class Labeler(Protocol):
    """Turns labeled cases into pseudo-labels for other cases."""

    name: str

    def prepare(self) -> None:
        """Trains or loads what labeling needs; resumable; may take long."""

    def label(self, case_id: str) -> PseudoLabel:
        """The pseudo-label of one case at plan grid."""


class CachedLabeler:
    """A labeler whose results are kept, so that a fusion and a second run reuse them."""

    def __init__(self, labeler: Labeler, cache: PseudoLabelCache) -> None:
        self.labeler = labeler
        self.cache = cache
        self.name = labeler.name

    def prepare(self) -> None:
        self.labeler.prepare()

    def label(self, case_id: str) -> PseudoLabel:
        """The stored pseudo-label, made and stored first where there is no intact one."""
        try:
            return self.cache.load(case_id)
        except DataError:
            self.cache.save(case_id, self.labeler.label(case_id))
            return self.cache.load(case_id)


def label_all(
    labeler: Labeler, case_ids: Sequence[str], cache: PseudoLabelCache, run: RunFolder
) -> tuple[str, ...]:
    """Labels every case that the cache does not hold; returns the cases that have a pseudo-label.

    A failing case becomes a warning and is left out. StopRequested between cases; CFRError when none is left.
    """
    missing = {case for case in case_ids if not cache.has(case)}
    if missing:
        labeler.prepare()
    done, start = [], time.monotonic()
    for position, case in enumerate(case_ids):
        run.raise_if_stopped()
        if case not in missing or _label_one(labeler, case, cache, run):
            done.append(case)
        missing.discard(case)
        seconds = (time.monotonic() - start) / (position + 1) * (len(case_ids) - position - 1)
        run.events.progress(labeler.name, position + 1, len(case_ids), seconds)
    if case_ids and not done:
        raise CFRError(
            "labeling_failed",
            f"The labeler {labeler.name} could label none of {len(case_ids)} cases.",
            "Look at the warnings above; check that labeled and unlabeled volumes show the same anatomy.",
        )
    return tuple(done)


def is_the_cases_own(error: Exception) -> bool:
    """Whether a failure is one case's, which is left out, and not one that every other would meet too."""
    if ran_out_of_memory(error) or accelerator_failed(error):
        return False
    return isinstance(error, DataError) or not isinstance(error, CFRError)


def _label_one(labeler: Labeler, case: str, cache: PseudoLabelCache, run: RunFolder) -> bool:
    """Labels and stores one case; False, with a warning that names it, when it failed."""
    try:
        pseudo = labeler.label(case)
        cache.save(case, pseudo)
    except Exception as error:  # whatever one case does must not end a run of hundreds
        if not is_the_cases_own(error):
            raise
        run.events.warning("labeling_failed", f"[{case}] left out, {labeler.name} failed: {error}")
        return False
    run.events.case_done(case, labeler.name, uncertainty=case_uncertainty(pseudo))
    return True
