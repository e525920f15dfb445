"""Command line of the engine: `python -m CFRTrain VERB ...`; `--help` lists the verbs.

Viewers start this file by its path, which works from any folder and whatever else can be imported there.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path


def _make_importable(folder: Path) -> None:
    """Makes `CFRTrain` the package in `folder`, without a search path on which other files would be found."""
    sys.path[:] = [place for place in sys.path if Path(place or ".").resolve() != folder]
    spec = importlib.util.spec_from_file_location(
        "CFRTrain", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    sys.modules["CFRTrain"] = package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)


if not __package__:
    _make_importable(Path(__file__).resolve().parent)

from CFRTrain.cli.parser import build_parser  # noqa: E402
from CFRTrain.runs.atomic import disk_full, is_disk_full  # noqa: E402
from CFRTrain.runs.errors import CFRError, missing_package, system_failure  # noqa: E402
from CFRTrain.runs.priority import give_way  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb and returns its exit code (see `CFRTrain.runs.errors.EXIT_CODES`)."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name that the terminal cannot show must not end a run
            stream.reconfigure(errors="backslashreplace")
    options = build_parser().parse_args(arguments)
    if getattr(options, "background", False):
        give_way()
    try:
        return int(options.verb(options) or 0)
    except CFRError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except ImportError as error:
        missing = missing_package(error)
        sys.stderr.write(f"{missing}\n")
        return missing.exit_code
    except OSError as error:
        failure = disk_full() if is_disk_full(error) else system_failure(error)
        sys.stderr.write(f"{failure}\n")
        return failure.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; start the same command again to go on.\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
