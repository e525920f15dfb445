"""The whole pipeline, stage by stage, and as one call.

from pathlib import Path
from CFRTrain.pipeline import Pipeline, run_all
from CFRTrain.runs.run_folder import RunFolder

results = run_all(RunFolder(Path("my_run")))              # everything that is left to do

pipeline = Pipeline(RunFolder(Path("my_run")))            # or one stage after the other
pipeline.check(); pipeline.prepare()
pseudo = pipeline.label()
model = pipeline.retrain(pseudo)
pipeline.finish(model, pipeline.evaluate(model))
"""

from __future__ import annotations

import logging
from typing import Any

from CFRTrain.data.checking import CheckReport
from CFRTrain.labelers.base import PseudoLabelCache
from CFRTrain.models.package import Model
from CFRTrain.models.report import write_report
from CFRTrain.runs.atomic import disk_full, is_disk_full, remove_leftovers
from CFRTrain.runs.errors import CFRError, DiskFullError, MemoryLimitError, StopRequested
from CFRTrain.runs.run_folder import RunFolder
from CFRTrain.stages.checking import check_stage, examine, read_plan
from CFRTrain.stages.context import Context, timed_stage
from CFRTrain.stages.evaluating import evaluate_stage
from CFRTrain.stages.finishing import finish_stage, package_network, versions, write_results
from CFRTrain.stages.labeling import label_stage
from CFRTrain.stages.preparing import freeze_settings, prepare_stage
from CFRTrain.stages.retraining import retrain_stage
from CFRTrain.stages.review_files import write_review_files
from CFRTrain.training.memory import accelerator_failed, ran_out_of_memory
from CFRTrain.training.precision import choose_device, limit_threads

logger = logging.getLogger(__name__)


class Pipeline:
    """The stages of one run. Each does what is left of its work, can be stopped, and goes on when called."""

    def __init__(self, run: RunFolder) -> None:
        """Opens the run. Raises JobError where job.json or cases.json is not usable."""
        self.context = Context.open(run)

    def examine(self) -> CheckReport:
        """Every problem of every case, and a plan where there is none yet. Raises no DataError."""
        return examine(self.context)

    def check(self) -> None:
        """Examines the cases and makes or reads the plan. Raises DataError for the first problem."""
        with timed_stage(self.context, "check"):
            check_stage(self.context)

    def prepare(self) -> None:
        """Resamples and normalizes every case once."""
        with timed_stage(self.context, "prepare"):
            prepare_stage(self.context)

    def label(self) -> PseudoLabelCache | None:
        """Pseudo-labels of all unlabeled cases, also as files for review; None where the job wants none."""
        with timed_stage(self.context, "label"):
            cache = label_stage(self.context)
            if cache is not None:
                write_review_files(self.context, cache)
        return cache

    def retrain(self, pseudo: PseudoLabelCache | None) -> Model:
        """The re-trained network, packed as the run's model file."""
        with timed_stage(self.context, "retrain"):
            network = retrain_stage(self.context, pseudo)
            return package_network(self.context, network)

    def evaluate(self, model: Model) -> dict[str, Any] | None:
        """Metrics on the validation cases; None without any."""
        with timed_stage(self.context, "evaluate"):
            return evaluate_stage(self.context, model)

    def finish(self, model: Model, validation: dict[str, Any] | None) -> dict[str, Any]:
        """Seals the model file and writes the report and results.json."""
        with timed_stage(self.context, "finish"):
            finish_stage(self.context, model, validation)
        return write_results(self.context, model, validation)

    def finished_results(self) -> dict[str, Any] | None:
        """The results of a run that is finished, or None. Raises JobError where its settings were changed."""
        results = self.context.run.results()
        if results is not None:
            self.context.plan = read_plan(self.context)
            freeze_settings(self.context)
        return results

    def run_stages(self) -> dict[str, Any]:
        """All stages in order."""
        self.check()
        self.prepare()
        model = self.retrain(self.label())
        return self.finish(model, self.evaluate(model))


def run_all(run: RunFolder) -> dict[str, Any]:
    """Runs what is left of a run under its lock, saying in its events how it ends; returns the results.

    Raises CFRError (its `exit_code` tells which kind); all that is done is kept, and the same call goes on.
    """
    with run.lock(), run.log():
        run.clear_stop()
        remove_leftovers(run.root)
        try:
            pipeline = Pipeline(run)
            limit_threads(pipeline.context.job.threads)
            run.events.started(versions(), str(choose_device(pipeline.context.job.device)))
            results = pipeline.finished_results() or pipeline.run_stages()
        except StopRequested:
            run.clear_stop()
            run.events.finished("stopped")
            raise
        except Exception as error:
            failure = _as_failure(error)
            _report_failure(run, failure)
            if failure is error:
                raise
            raise failure from error
        run.events.finished("done")
        return results


def _as_failure(error: Exception) -> CFRError:
    """The error as one that a person can act on; what nobody foresaw is in the log with its traceback."""
    if isinstance(error, CFRError):
        return error
    if is_disk_full(error):
        return disk_full()
    if ran_out_of_memory(error):
        return MemoryLimitError(
            "memory",
            "The memory is used up.",
            "Close other programs, or choose a smaller patch or width, then start again.",
        )
    logger.exception("unexpected failure", exc_info=error)
    if accelerator_failed(error):
        return CFRError(
            "gpu_failed",
            f"The GPU failed: {str(error).splitlines()[0]}.",
            "Start again: it goes on from the last checkpoint. If it fails again, update the GPU's driver, or"
            " use the CPU.",
        )
    return CFRError(
        "unexpected",
        f"The program failed unexpectedly ({type(error).__name__}: {error}).",
        "Start it again; if it fails again, report it with engine.log.",
    )


def _report_failure(run: RunFolder, error: CFRError) -> None:
    """Says in the events what ended the run, and shows what there is in the report."""
    run.events.error(error.code, f"[{error.case}] {error.text}" if error.case else error.text, error.remedy)
    run.events.finished("failed")
    if isinstance(error, DiskFullError):
        return
    try:
        write_report(run)
    except Exception:
        logger.exception("the report of the failed run could not be written")
