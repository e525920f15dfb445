"""`estimate`: how long a run takes and how much memory, said before it starts."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from CFRTrain.cli.messages import Messages
from CFRTrain.cli.stopping import stop_sign
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.run_folder import RunFolder


def estimate_run(options: Namespace) -> int:
    """Says one `estimate` message.

    Examines the cases and makes the plan if that has not been done; both stay, so that the run itself need
    not do it again. Raises DataError for the first case that cannot be used, JobError, ModelError.
    """
    messages = Messages()
    with messages.ending(), stop_sign(options.stop_file) as sign:
        run = _open_run(options.run)

        def passed_on(event: Mapping[str, Any]) -> None:
            sign.raise_if_set()
            fields = {name: value for name, value in event.items() if name != "type"}
            messages.send(event["type"], event.get("text", ""), **fields)

        with run.lock():
            run.events.echo = passed_on
            _estimate(run, messages)
    return 0


def _open_run(root: Path) -> RunFolder:
    if not (root / "job.json").is_file():
        raise JobError("no_run", "The folder holds no job.json.", "Make a run first: `create --help`.")
    return RunFolder(root)


def _estimate(run: RunFolder, messages: Messages) -> None:
    from CFRTrain.stages.checking import check_stage
    from CFRTrain.stages.context import Context
    from CFRTrain.stages.estimate import estimate
    from CFRTrain.training.precision import choose_device

    context = Context.open(run)
    device = str(choose_device(context.job.device))
    check_stage(context)
    found = estimate(context)
    messages.send(
        "estimate",
        f"about {found.seconds / 60:.0f} min, {found.memory_bytes / 2**30:.1f} GiB of memory on {device}",
        seconds=round(found.seconds, 1), memory_bytes=found.memory_bytes,
        gpu_memory_bytes=found.gpu_memory_bytes, parts=found.parts, device=device,
    )  # fmt: skip
