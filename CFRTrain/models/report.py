"""A report a person wants to look at: report.html, one file with everything, also for a run that failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from CFRTrain.models.report_data import Picture, ReportData, case_entries, collect
from CFRTrain.models.report_html import render
from CFRTrain.models.report_pictures import caption, choose_cases, write_picture
from CFRTrain.runs.run_folder import RunFolder, write_atomic

__all__ = ["ReportData", "collect", "render", "write_report", "with_pictures"]


def write_report(run: RunFolder) -> Path:
    """Writes report.html from what the run folder holds, and overlays/<case>.png; returns its path.

    Needs no part of the run to exist. Raises DiskFullError.
    """
    path = run.root / "report.html"
    write_atomic(path, render(with_pictures(run, collect(run))).encode())
    return path


def with_pictures(run: RunFolder, data: ReportData) -> ReportData:
    """The data with pictures of the cases that matter most, as many as a file of some megabytes can hold."""
    if data.job is None:
        return data
    entries = {entry.id: entry for entry in case_entries(run)}
    roles = {row.id: row.role for row in data.cases if (run.root / "store" / row.id).is_dir()}
    pictures = []
    for case in choose_cases(roles, list(roles)):
        path = write_picture(run, entries[case], data.job.classes)
        if path is not None:
            pictures.append(Picture(case, caption(run, entries[case]), path.read_bytes()))
    return replace(data, pictures=tuple(pictures), pictures_left_out=len(roles) - len(pictures))
