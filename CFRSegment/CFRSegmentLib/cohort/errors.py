"""The one error of the cohort: what happened, and what to do."""

from __future__ import annotations


class CohortError(Exception):
    """Something that a person can act on; `str()` is the text and the remedy, both for people.

    Codes: exists, missing, not_a_cohort, newer_format, damaged (folders); read_only, disk_full, not_written
    (writing); bad_class, classes_in_use, bad_name (settings); unknown_case, bad_image, bad_label,
    not_decidable, not_decided, nothing_to_undo (cases); run_unfinished, bad_run (runs).
    """

    def __init__(self, code: str, text: str, remedy: str) -> None:
        super().__init__(code, text, remedy)
        self.code = code
        self.text = text
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.text} {self.remedy}".strip()
