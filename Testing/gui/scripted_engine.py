"""Stands between the window and the engine: some verbs do as a script says, all others are the real engine's.

python scripted_engine.py SCRIPT.json MAIN.py VERB ARGUMENTS...

SCRIPT.json: {"devices": [{"print": {...}}, {"sleep": 1.5}, {"exit": 0}], ...}. Steps: print (a message on the
standard output), raw (text on it, as it is), event (a line of events.jsonl in the run folder, which is the
last argument), note (a JSON file of the run folder: name, content), sleep (seconds, ended by the stop file),
kill (a signal to itself), exit (a code).
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def main() -> None:
    script, real = Path(sys.argv[1]), sys.argv[2:]
    steps = json.loads(script.read_text("utf-8")).get(real[1])
    if steps is None:
        os.execv(sys.executable, [sys.executable, *real])
    for step in steps:
        for name, value in step.items():
            STEPS[name](value, real)


def _print(message: dict[str, Any], _real: list[str]) -> None:
    _raw(json.dumps(message) + "\n", _real)


def _raw(text: str, _real: list[str]) -> None:
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()


def _event(event: dict[str, Any], real: list[str]) -> None:
    with open(Path(real[-1]) / "events.jsonl", "a", encoding="utf-8") as stream:
        stream.write(json.dumps({"time": time.time(), **event}) + "\n")


def _note(note: dict[str, Any], real: list[str]) -> None:
    (Path(real[-1]) / note["name"]).write_text(json.dumps(note["content"]), "utf-8")


def _sleep(seconds: float, real: list[str]) -> None:
    end = time.monotonic() + seconds
    stop = Path(real[real.index("--stop-file") + 1]) if "--stop-file" in real else Path(real[-1]) / "stop"
    while time.monotonic() < end:
        if stop.exists():
            sys.exit(130)
        time.sleep(0.02)


def _kill(number: int, _real: list[str]) -> None:
    os.kill(os.getpid(), number)


def _exit(code: int, _real: list[str]) -> None:
    sys.exit(code)


STEPS = {
    "print": _print,
    "raw": _raw,
    "event": _event,
    "note": _note,
    "sleep": _sleep,
    "kill": _kill,
    "exit": _exit,
}

if __name__ == "__main__":
    main()
