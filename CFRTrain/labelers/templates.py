"""Templates: unlabeled cases that the atlases matched well, which then act as further atlases.

After MAGeT-Brain (Chakravarty et al. 2013, Human Brain Mapping 34:2635), with the templates chosen by how
well the labeled cases could be registered to them instead of at random.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from CFRTrain.labelers.base import PseudoLabel, PseudoLabelCache, is_the_cases_own
from CFRTrain.runs.run_folder import RunFolder, write_atomic

CANDIDATES_PER_TEMPLATE = 5

DirectLabeler = Callable[[str], tuple[PseudoLabel, float]]


class TemplateStage:
    """Chooses `count` of the candidates, labels them, and keeps their labels on disk."""

    def __init__(
        self, candidates: Sequence[str], count: int, label_directly: DirectLabeler, run: RunFolder, key: str
    ) -> None:
        self.candidates = evenly(candidates, CANDIDATES_PER_TEMPLATE * count)
        self.count = count
        self.run = run
        self.key = key
        self.cache = PseudoLabelCache(run.folder("templates"), key)
        self.chosen: tuple[str, ...] = ()
        self._label_directly = label_directly

    def prepare(self) -> None:
        """Labels every candidate by the labeled cases alone and keeps the best matched as templates."""
        qualities: dict[str, float] = {}
        for position, case in enumerate(self.candidates):
            self.run.raise_if_stopped()
            try:
                qualities[case] = self._quality(case)
            except Exception as error:  # a candidate that fails is only one template less
                if not is_the_cases_own(error):
                    raise
                self.run.events.warning("template_failed", f"[{case}] is no template: {error}")
            self.run.events.progress("atlas_templates", position + 1, len(self.candidates), None)
        self.chosen = tuple(sorted(qualities, key=lambda case: (-qualities[case], case))[: self.count])

    def label(self, case_id: str) -> PseudoLabel:
        """The first-stage pseudo-label of a template, made again if its file was damaged."""
        if not self.cache.has(case_id):
            self._make(case_id)
        return self.cache.load(case_id)

    def _quality(self, case_id: str) -> float:
        """How well the labeled cases matched a candidate, known from disk or by labeling it."""
        known = self.cache.folder / f"{case_id}.json"
        if known.is_file() and self.cache.has(case_id):
            try:
                record = json.loads(known.read_text("utf-8"))
                if record["key"] == self.key:
                    return float(record["quality"])
            except (ValueError, KeyError, TypeError):
                pass  # a damaged record is made again
        return self._make(case_id)

    def _make(self, case_id: str) -> float:
        pseudo, quality = self._label_directly(case_id)
        self.cache.save(case_id, pseudo)
        record = json.dumps({"key": self.key, "quality": quality})
        write_atomic(self.cache.folder / f"{case_id}.json", record.encode())
        return quality


def evenly(items: Sequence[str], count: int) -> tuple[str, ...]:
    """At most `count` items, spread evenly over the sequence."""
    if len(items) <= count:
        return tuple(items)
    return tuple(items[position * len(items) // count] for position in range(count))
