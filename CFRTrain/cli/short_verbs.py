"""Options of the short verbs, which viewers call: JSON lines when piped, stopped by a signal or a file."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from CFRTrain.runs.official_weights import OFFICIAL_WEIGHTS

Add = Callable[..., argparse.ArgumentParser]


def add_short_verbs(add: Add) -> None:
    """Adds devices, estimate, suggest, weights, collect, inspect and supervise."""
    _add_devices(add("devices", help="say what can be computed on, and try it"))
    _add_estimate(add("estimate", help="say how long a run takes and how much memory, without training"))
    _add_suggest(add("suggest", help="say which case to label next, and why"))
    _add_weights(add("weights", help="download, verify or install SAM's official weights"))
    _add_collect(add("collect", help="check volumes from anywhere and bring them into one folder"))
    _add_inspect(add("inspect", help="verify a model file and say what is in it"))
    _add_supervise(add("supervise", help="`run` in a child process, noting in exit.json how it ended"))


def add_viewer_options(parser: argparse.ArgumentParser) -> None:
    """The options of a verb that a viewer calls: it can be stopped on every system, and gives way."""
    parser.add_argument("--stop-file", type=Path, help="stop as soon as this file is there")
    parser.add_argument("--background", action="store_true", help="let other programs go first")


def later(module: str, function: str) -> Callable[[argparse.Namespace], int]:
    """The verb `function` of a module of this package, imported when it is called: --help stays quick."""

    def verb(options: argparse.Namespace) -> int:
        found: Any = getattr(import_module(f"CFRTrain.cli.{module}"), function)
        return int(found(options))

    return verb


def _add_devices(parser: argparse.ArgumentParser) -> None:
    add_viewer_options(parser)
    parser.set_defaults(verb=later("devices", "list_devices"))


def _add_estimate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="run folder")
    add_viewer_options(parser)
    parser.set_defaults(verb=later("estimating", "estimate_run"))


def _add_suggest(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help="run folder, folder with cases.json, or folder of volumes")
    parser.add_argument("--labels", type=Path, help="for a folder of volumes: label maps named like them")
    parser.add_argument("--run", type=Path, help="for cases.json: a finished run that knows these cases")
    parser.add_argument("--count", type=int, default=5, help="how many cases (default 5)")
    parser.add_argument("--slices", type=int, default=3, help="slices to correct in each (default 3)")
    parser.add_argument("--embedding", choices=("volumes", "sam"), default="volumes")
    parser.add_argument("--output", type=Path, help="write the suggestions, as JSON, to this file, too")
    parser.add_argument("--threads", type=int, default=0, help="processor threads (default all)")
    add_viewer_options(parser)
    parser.set_defaults(verb=later("suggesting", "suggest"))


def _add_supervise(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="run folder")
    parser.set_defaults(verb=later("supervising", "supervise_run"))


def _add_inspect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, help="a .cfrmodel file")
    add_viewer_options(parser)
    parser.set_defaults(verb=later("inspecting", "inspect_model"))


def _add_collect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("inputs", type=Path, nargs="*", help="volume files, DICOM files, folders of them")
    parser.add_argument("--list", type=Path, help="JSON file with a list of further inputs")
    parser.add_argument("--output", type=Path, required=True, help="folder for the volumes that are good")
    add_viewer_options(parser)
    parser.set_defaults(verb=later("collecting", "collect_volumes"))


def _add_weights(parser: argparse.ArgumentParser) -> None:
    add = parser.add_subparsers(title="actions", required=True, metavar="ACTION").add_parser
    add("list", help="which files there are").set_defaults(verb=later("weights", "list_weights"))
    download = add("download", help="fetch one; a stopped download goes on with the same command")
    download.add_argument("model", choices=tuple(OFFICIAL_WEIGHTS))
    download.add_argument("--folder", type=Path, required=True, help="where to put it")
    download.add_argument("--url", help="a mirror of the file; its checksum is verified all the same")
    add_viewer_options(download)
    download.set_defaults(verb=later("weights", "download_weights"))
    install = add("install", help="copy an official file of this machine into a folder")
    install.add_argument("--folder", type=Path, required=True, help="where to put it")
    verify = add("verify", help="say whether a file is an official one")
    for action, function in ((install, "install_weights"), (verify, "verify_weights")):
        action.add_argument("file", type=Path)
        action.add_argument("--model", choices=tuple(OFFICIAL_WEIGHTS), help="which one it should be")
        add_viewer_options(action)
        action.set_defaults(verb=later("weights", function))
