"""`supervise`: a run in a child process, and a note of how it ended even where the system killed it.

A viewer that has been closed in the meantime could not tell a killed engine from a lost one without it.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import CFRTrain
from CFRTrain.cli.stopping import SIGNALS
from CFRTrain.runs.atomic import remove_file
from CFRTrain.runs.priority import give_way
from CFRTrain.runs.run_folder import RunFolder

EXIT_NOTE = "exit.json"


def supervise_run(options: Namespace) -> int:
    """Runs `run` to its end, in the background; its exit code, or 128 and the signal that ended it.

    exit.json: {"code": exit code, or the negative number of the signal, "time": seconds since 1970}.
    """
    run = RunFolder(options.run)
    remove_file(run.root / EXIT_NOTE)
    main = Path(CFRTrain.__file__).with_name("__main__.py")
    command = [sys.executable, "-X", "faulthandler", str(main), "run", str(run.root)]
    give_way()
    # The events are in events.jsonl; a pipe would fill up, and break, once nobody reads it.
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    with _passed_on(run, child):
        code = child.wait()
    run.write_json(EXIT_NOTE, {"code": code, "time": round(time.time(), 3)})
    return code if code >= 0 else 128 - code


@contextmanager
def _passed_on(run: RunFolder, child: subprocess.Popen[bytes]) -> Iterator[None]:
    """The first signal becomes a stop request, a second one ends the engine; this process waits for it."""
    asked = False

    def take(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            child.terminate()
        asked = True
        run.request_stop()

    before = {number: signal.signal(number, take) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
