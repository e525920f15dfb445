"""Command line of the engine: `python -m CFRTrain VERB ...`; `--help` lists the verbs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from CFRTrain.cli.parser import build_parser
from CFRTrain.runs.atomic import disk_full, is_disk_full
from CFRTrain.runs.errors import CFRError, JobError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb and returns its exit code (see `CFRTrain.runs.errors.EXIT_CODES`)."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name that the terminal cannot show must not end a run
            stream.reconfigure(errors="backslashreplace")
    options = build_parser().parse_args(arguments)
    try:
        return int(options.verb(options) or 0)
    except CFRError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except OSError as error:
        if is_disk_full(error):
            full = disk_full()
            sys.stderr.write(f"{full}\n")
            return full.exit_code
        sys.stderr.write(f"A file could not be read or written: {error.strerror or error}.\n")
        return JobError.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; start the same command again to go on.\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
