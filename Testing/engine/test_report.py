"""The report: complete, self-contained, safe against any text, and written whatever is missing."""

from __future__ import annotations

import base64
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from CFRTrain.data.geometry import Geometry, Volume
from CFRTrain.data.plan import Intensity, Plan, plan_to_json
from CFRTrain.data.store import CaseStore
from CFRTrain.data.volumes import write_volume
from CFRTrain.models.metrics import evaluate, summarize
from CFRTrain.models.report import collect, write_report
from CFRTrain.models.report_curves import line_chart, nice_ticks, short, smoothed, thinned
from CFRTrain.models.report_overlays import PALETTE, best_slice, class_colors, encode_png, overlay_png
from CFRTrain.models.report_parts import duration
from CFRTrain.models.report_pictures import choose_cases
from CFRTrain.runs.job import ClassSpec, job_to_json, preset
from CFRTrain.runs.run_folder import RunFolder

CLASSES = (ClassSpec(1, "left <atrium> & co", (200, 80, 70)), ClassSpec(4, "ventricle"))
ROLES = ("labeled", "unlabeled", "unlabeled", "validation", "validation")
GRID = Geometry((10, 16, 18), (2.0, 1.0, 1.0))


def example(root: Path) -> RunFolder:
    """The folder of a finished run with five small cases, one of which could not be labeled."""
    run = RunFolder(root)
    job = preset("standard", CLASSES)
    (root / "job.json").write_text(job_to_json(job))
    plan = Plan(
        GRID.spacing_zyx,
        (16, 16, 16),
        0,
        Intensity("zscore", 0.5, 99.5),
        0,
        (10, 16, 18),
        {"spacing_zyx": "Median of 5 volumes."},
    )
    (root / "plan.json").write_text(plan_to_json(plan))
    run.events.started({"CFRTrain": "1.0", "torch": "2.13.0"}, "cpu")
    measured = _write_cases(run)
    for step in range(1, 101):
        run.events.metric("retrain/loss", 1 / step, step)
        run.events.metric("retrain/learning_rate", 1e-3 * (1 - step / 101), step)
        run.events.metric("retrain/dice_ventricle", step / 100, step)
    run.events.warning("labeling_failed", "[case_0003] left out, atlas failed: too <small>")
    run.write_json("review.json", [{"case": "case_0002", "uncertainty": 0.25}])
    stages = {"check": {"seconds": 0.4, "peak_memory_bytes": 2**29}, "retrain": {"seconds": 754.0,
              "peak_memory_bytes": 2**31}}  # fmt: skip
    per_case = {case: [row.to_dict() for row in rows] for case, rows in measured.items()}
    run.write_results({
        "status": "done", "labeler": "atlas", "stages": stages, "peak_memory_bytes": 2**31,
        "versions": {"torch": "2.13.0"}, "validation": {**summarize(measured), "per_case": per_case},
    })  # fmt: skip
    run.events.finished("done")
    return run


def _write_cases(run: RunFolder) -> dict[str, list]:
    """Volumes, labels, stored cases, a pseudo-label and predictions; returns the metrics."""
    store, entries, measured = CaseStore(run.root / "store"), [], {}
    labels = np.zeros(GRID.size_zyx, np.uint8)
    labels[3:7, 4:11, 4:9], labels[3:7, 4:11, 10:14] = 1, 4
    image = np.random.default_rng(0).normal(size=GRID.size_zyx).astype(np.float32) + 3 * (labels > 0)
    for index, role in enumerate(ROLES, start=1):
        case = f"case_{index:04d}"
        store.put(case, image, None, GRID, GRID)
        label = None if role == "unlabeled" else f"inputs/{case}.nii.gz"
        if label:
            write_volume(run.root / label, Volume(labels, GRID))
        entries.append({"id": case, "role": role, "image": f"inputs/{case}_image.nii.gz", "label": label})
        if role == "validation":
            found = labels.copy()
            found[(labels == 4) if index == 5 else np.s_[3]] = 0
            write_volume(run.root / f"predictions/{case}.nii.gz", Volume(found, GRID))
            measured[case] = evaluate(found, labels, GRID.spacing_zyx, CLASSES)
    write_volume(run.root / "review/case_0002.nii.gz", Volume(labels, GRID))
    run.write_json("cases.json", {"format": 1, "cases": entries})
    return measured


class Page(HTMLParser):
    """What a browser would see: tags that are opened and closed in order, texts, links and scripts."""

    VOID = ("meta", "img", "br", "line", "circle")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open_tags: list[str] = []
        self.texts: list[str] = []
        self.sources: list[str] = []
        self.tags: set[str] = set()
        self.feed(html)
        assert not self.open_tags

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.tags.add(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href")]
        if tag not in self.VOID:
            self.open_tags.append(tag)

    def handle_startendtag(self, tag: str, attributes: list) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open_tags.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def test_a_finished_run_is_shown_with_everything_in_it(tmp_path):
    page = Page(write_report(example(tmp_path)).read_text(encoding="utf-8"))
    for expected in (
        "done", "mean Dice, validation", "2 cases, 1 failure", "1 + 2", "12 min 34 s", "2.00 GiB",
        "left <atrium> & co", "left out, atlas failed: too <small>", "retrain: loss", "retrain: Dice",
        "retrain: learning rate", "Median of 5 volumes.", "torch 2.13.0", "1 of 2 classes failed",
        "pseudo-labeled", "0.75", "job.json", "case_0005",
    ):  # fmt: skip
        assert expected in page.text, expected


def test_the_report_loads_nothing_and_runs_nothing(tmp_path):
    html = write_report(example(tmp_path)).read_text(encoding="utf-8")
    page = Page(html)
    assert "script" not in page.tags and "link" not in page.tags and "iframe" not in page.tags
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert "http:" not in html and "https:" not in html and "default-src 'none'" in html
    assert str(tmp_path) not in html


def test_each_case_with_a_label_map_has_a_picture_with_its_panels(tmp_path):
    run = example(tmp_path)
    html = write_report(run).read_text(encoding="utf-8")
    assert len(re.findall("<img", html)) == 5
    assert "image · reference · prediction · Dice" in html
    assert "image · pseudo-label · confidence 0.75" in html
    assert "image · label<" in html
    for path in (tmp_path / "overlays").iterdir():
        assert path.read_bytes() in [base64.b64decode(text) for text in re.findall(r"base64,([^\"]+)", html)]


def test_a_picture_is_made_again_only_when_its_label_map_has_changed(tmp_path):
    run = example(tmp_path)
    write_report(run)
    picture = tmp_path / "overlays" / "case_0002.png"
    first, before = picture.read_bytes(), picture.stat().st_mtime_ns
    write_report(run)
    assert picture.stat().st_mtime_ns == before
    write_volume(tmp_path / "review/case_0002.nii.gz", Volume(np.ones(GRID.size_zyx, np.uint8), GRID))
    write_report(run)
    assert picture.read_bytes() != first


PARTS = (
    "job.json", "cases.json", "plan.json", "events.jsonl", "metrics.jsonl", "results.json", "review.json",
    "review/case_0002.nii.gz", "predictions/case_0004.nii.gz", "store/case_0001/image.npy",
    "store/case_0004/case.json", "inputs/case_0001.nii.gz",
)  # fmt: skip


@pytest.mark.parametrize("damage", ["missing", "torn", "noise", "other type"])
def test_whatever_is_missing_or_damaged_the_report_is_written(tmp_path, damage):
    run = example(tmp_path)
    for part in PARTS:
        path = tmp_path / part
        content = path.read_bytes()
        if damage == "missing":
            path.unlink()
        else:
            half = content[: len(content) // 2]
            path.write_bytes({"torn": half, "noise": b"\xff\x00{" * 9, "other type": b"[1, null]\n"}[damage])
        Page(write_report(run).read_text(encoding="utf-8"))
        path.write_bytes(content)
    for part in PARTS:
        (tmp_path / part).unlink()
    assert "unfinished" in Page(write_report(run).read_text(encoding="utf-8")).text


def test_values_of_a_wrong_type_do_not_break_the_report(tmp_path):
    run = example(tmp_path)
    for name, content in (
        ("results.json", {"format": 1, "status": 3, "stages": [1], "validation": {
            "classes": [None, {"name": 5}], "mean_dice": "x", "per_case": {"case_0004": [7]}}}),
        ("plan.json", {"reasons": 4, "patch_zyx": None}),
        ("review.json", {"case": 1}),
    ):  # fmt: skip
        run.write_json(name, content)
    run.events._append("warning")
    run.events._append("metric", run.events.metrics_path, name=5, value="high", step=None)
    run.events._append("error", code=[1])
    Page(write_report(run).read_text(encoding="utf-8"))


def test_a_failed_run_says_what_happened_and_what_to_do(tmp_path):
    run = example(tmp_path)
    (tmp_path / "results.json").unlink()
    run.events.started({}, "cpu")
    run.events.error("memory_training", "Memory ran out in step 7.", "Choose a smaller patch.")
    run.events.finished("failed")
    page = Page(write_report(run).read_text(encoding="utf-8"))
    assert collect(run).status == "failed"
    assert "Memory ran out in step 7." in page.text and "Choose a smaller patch." in page.text


def test_an_error_that_a_later_start_overcame_is_not_shown(tmp_path):
    run = example(tmp_path)
    run.events.error("disk_full", "The disk is full.", "Free some space.")
    run.events.started({}, "cpu")
    assert collect(run).errors == ()


def test_hostile_texts_stay_texts(tmp_path):
    run = example(tmp_path)
    attack = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
    job = preset("standard", (ClassSpec(1, attack), ClassSpec(4, "'; DROP")))
    (tmp_path / "job.json").write_text(job_to_json(job))
    run.events.warning(attack, attack)
    run.events.metric(attack, 1.0, 1)
    run.events.started({attack: attack}, attack)
    html = write_report(run).read_text(encoding="utf-8")
    page = Page(html)
    assert "script" not in page.tags and attack in page.text
    assert all(source.startswith("data:image/png") for source in page.sources)


def test_steps_repeated_after_a_kill_are_drawn_once(tmp_path):
    run = RunFolder(tmp_path)
    for step, value in ((1, 5.0), (2, 4.0), (3, 9.0), (2, 3.0), (3, 2.0)):
        run.events.metric("retrain/loss", value, step)
    assert collect(run).curves == {"retrain": {"loss": [(1, 5.0), (2, 3.0), (3, 2.0)]}}


def test_validation_cases_come_worst_first_and_pseudo_labels_least_certain_first(tmp_path):
    run = example(tmp_path)
    run.write_json("review.json", [{"case": "case_0002", "uncertainty": 0.1}])
    assert [row.id for row in collect(run).cases] == [
        "case_0005", "case_0004", "case_0001", "case_0003", "case_0002",
    ]  # fmt: skip


def test_every_role_has_its_share_of_the_pictures():
    roles = {f"case_{index:04d}": "unlabeled" for index in range(50)}
    roles |= {f"case_{index:04d}": "validation" for index in range(50, 60)} | {"case_0099": "labeled"}
    chosen = choose_cases(roles, list(roles), most=24)
    assert len(chosen) == 24 and "case_0099" in chosen
    assert sum(roles[case] == "validation" for case in chosen) == 10
    assert chosen[:3] == ["case_0000", "case_0001", "case_0002"]


def test_a_png_is_read_back_with_the_pixels_that_were_written(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (7, 11, 3), dtype=np.uint8)
    (tmp_path / "a.png").write_bytes(encode_png(pixels))
    read = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a.png")))
    np.testing.assert_array_equal(read, pixels)


def test_an_overlay_paints_each_class_in_its_color_and_leaves_the_plain_image_beside_it(tmp_path):
    image = np.linspace(0, 1, 26 * 20, dtype=np.float32).reshape(26, 20)
    layer = np.zeros((26, 20), np.uint8)
    layer[5:15, 5:15] = 2
    (tmp_path / "a.png").write_bytes(overlay_png(image, [layer], [(255, 0, 0), (0, 255, 0)], (1.0, 2.0)))
    pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a.png"))).astype(int)
    width = (pixels.shape[1] - 6) // 2
    assert pixels.shape[0] == 208 and width == 320  # 2 mm per column against 1 mm per row
    plain, painted = pixels[:, :width], pixels[:, -width:]
    assert np.ptp(plain, axis=2).max() == 0
    green = (painted == (0, 255, 0)).all(2)
    assert green.any() and not (painted == (255, 0, 0)).all(2).any()
    rows, columns = np.flatnonzero(green.any(1)), np.flatnonzero(green.any(0))
    assert (rows[0], rows[-1] + 1) == (40, 120) and (columns[0], columns[-1] + 1) == (80, 240)
    np.testing.assert_array_equal(painted[150:], plain[150:])


def test_the_slice_with_the_most_labeled_voxels_is_shown():
    labels = np.zeros((5, 6, 7), np.uint8)
    labels[3, 1:4, 2:6], labels[1, 2, 2] = 2, 1
    assert [best_slice([labels], axis) for axis in range(3)] == [3, 2, 2]
    assert best_slice([np.zeros((5, 6, 7), np.uint8)], 0) == 2


def test_classes_without_a_color_get_distinct_ones():
    classes = [ClassSpec(value, f"class {value}") for value in range(1, 31)]
    colors = class_colors([ClassSpec(40, "own", (1, 2, 3)), *classes])
    assert colors[0] == (1, 2, 3) and colors[1] == PALETTE[1] and len(set(colors)) == 31


def test_a_chart_has_a_line_and_a_legend_entry_per_curve():
    points = [(step, 1 / step) for step in range(1, 200)]
    chart = line_chart("loss", {"supervised": points, "pseudo": points, "empty": []})
    assert chart.count("<title>") == 2 and chart.count("<li>") == 2
    assert line_chart("loss", {}) == "" and line_chart("loss", {"a": []}) == ""
    assert "<circle" in line_chart("loss", {"a": [(3, 0.5)]})
    assert "nan" not in line_chart("flat", {"a": [(1, 0.0), (2, 0.0)]})


def test_ticks_are_round_and_enclose_the_values():
    for low, high in ((0, 1), (0, 0.037), (-3, 12345), (5, 5), (0, 0), (1e-9, 2e-9)):
        ticks = nice_ticks(low, high)
        assert ticks[0] <= low + 1e-12 and ticks[-1] >= high - 1e-12 and 3 <= len(ticks) <= 8
    assert nice_ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]


def test_long_curves_are_thinned_without_losing_their_level():
    points = [(step, float(step % 2)) for step in range(10_000)]
    thin = thinned(points)
    assert len(thin) <= 400 and thin[-1][0] == 9999
    assert all(abs(value - 0.5) < 0.1 for _, value in thin)
    assert all(abs(value - 0.5) < 0.2 for _, value in smoothed(points[:100])[5:-5])


def test_numbers_are_said_as_a_person_would():
    assert [duration(s) for s in (0.42, 59, 754, 7322)] == ["0.4 s", "59 s", "12 min 34 s", "2 h 2 min"]
    assert [short(v) for v in (0, 0.0015, 1.5, 1000, 12000)] == ["0", "0.0015", "1.5", "1000", "12 k"]


def test_the_report_stays_a_few_megabytes(tmp_path):
    noise = np.random.default_rng(0).normal(size=(200, 200))
    layer = np.zeros((200, 200), np.uint8)
    png = overlay_png(noise, [layer, layer], [(255, 0, 0)])
    assert len(zlib.compress(png)) < 300_000
