"""Messages: one JSON object per line, an ending that always says how it was."""

from __future__ import annotations

import errno
import io
import json

import pytest

from CFRTrain.cli.messages import Messages
from CFRTrain.runs.errors import CFRError, DataError, StopRequested


def ended_by(error: Exception | None) -> tuple[list[dict], type | None]:
    """The messages of a block that `error` ends, and what came out of it."""
    stream, raised = io.StringIO(), None
    try:
        with Messages(stream).ending():
            if error is not None:
                raise error
    except Exception as found:
        raised = type(found)
    return [json.loads(line) for line in stream.getvalue().splitlines()], raised


@pytest.mark.parametrize(
    ("error", "code", "exit_code"),
    [
        (DataError("bad", "It is bad.", "Mend it."), "bad", 3),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full", 5),
        (PermissionError(errno.EACCES, "Permission denied"), "not_accessible", 2),
        (ModuleNotFoundError("No module named 'monai'", name="monai"), "package_missing", 6),
    ],
)
def test_every_failure_is_said_and_becomes_an_exit_code(error, code, exit_code):
    messages, raised = ended_by(error)
    assert [message["type"] for message in messages] == ["error", "finished"]
    assert messages[0]["code"] == code and messages[0]["text"] and messages[0]["remedy"]
    assert messages[1]["status"] == "failed" and raised.exit_code == exit_code
    assert issubclass(raised, CFRError)


def test_what_nobody_foresaw_is_said_and_keeps_its_traceback():
    messages, raised = ended_by(ZeroDivisionError("division by zero"))
    assert messages[0]["code"] == "unexpected" and "ZeroDivisionError" in messages[0]["text"]
    assert raised is ZeroDivisionError


def test_a_stop_is_no_failure_and_success_is_said_too():
    assert ended_by(StopRequested())[0] == [{"type": "finished", "status": "stopped"}]
    assert ended_by(None) == ([{"type": "finished", "status": "done"}], None)


def test_progress_is_said_a_few_times_a_second_and_at_the_end():
    stream = io.StringIO()
    messages = Messages(stream)
    for step in range(1, 1001):
        messages.progress("predict", step, 1000, index=3)
    said = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(said) < 10 and (said[-1]["step"], said[-1]["index"]) == (1000, 3)


def test_any_text_is_one_line_of_ascii():
    stream = io.StringIO()
    Messages(stream).send("case", source="C:\\é 空\n\udcff")
    assert stream.getvalue().isascii() and stream.getvalue().count("\n") == 1
    assert json.loads(stream.getvalue())["source"] == "C:\\é 空\n\udcff"
