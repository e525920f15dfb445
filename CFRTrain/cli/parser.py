"""The verbs and their options."""

from __future__ import annotations

import argparse
from pathlib import Path

from CFRTrain import __version__
from CFRTrain.cli import verbs
from CFRTrain.cli.short_verbs import add_short_verbs, add_viewer_options

EPILOG = """exit codes: 0 done, 2 bad job or command, 3 bad data or model, 4 out of memory, 5 disk full,
6 something that must be installed is missing, 130 stopped (resume with the same command)"""


def build_parser() -> argparse.ArgumentParser:
    """Parser whose `verb` default is the function that runs the chosen verb."""
    parser = argparse.ArgumentParser(prog="python -m CFRTrain", description=__doc__, epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"CFRTrain {__version__}")
    add = parser.add_subparsers(title="verbs", required=True, metavar="VERB").add_parser
    _add_create(add("create", help="make a run folder from folders of images and labels"))
    _add_run_folder(add("check", help="examine every case and say what is wrong with it"), verbs.check)
    _add_run_folder(add("run", help="train: all stages, or what is left of them"), verbs.run)
    _add_run_folder(add("stop", help="ask a running training to stop at the next step"), verbs.stop)
    _add_run_folder(add("status", help="say how far a run is, as JSON"), verbs.status)
    _add_run_folder(add("report", help="write the report again"), verbs.report)
    _add_predict(add("predict", help="segment volumes with a trained model"))
    _add_evaluate(add("evaluate", help="compare segmentations with reference labels"))
    add_short_verbs(add)
    _add_demo(add("demo", help="generate a small cohort of cardiac phantoms and train on it"))
    return parser


def _add_run_folder(parser: argparse.ArgumentParser, verb: object) -> None:
    parser.add_argument("run", type=Path, help="run folder")
    parser.set_defaults(verb=verb)


def _add_create(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="run folder to make")
    parser.add_argument("--images", type=Path, required=True, help="folder with one volume per case")
    parser.add_argument("--labels", type=Path, help="folder with label maps named like their images")
    parser.add_argument(
        "--classes", required=True, help="label values and names: '1=left atrium,2=ventricle'"
    )
    parser.add_argument("--labeled", type=int, default=1, help="how many labels to train on (default 1)")
    parser.add_argument(
        "--first-labeled", type=int, default=0, help="index of the first labeled case (default 0)"
    )
    parser.add_argument("--unlabeled", type=int, help="at most this many unlabeled cases (default all)")
    parser.add_argument("--validation", type=int, default=0, help="the last N cases only measure (default 0)")
    parser.add_argument("--modality", choices=("MR", "CT"), default="MR")
    parser.add_argument("--preset", choices=("preview", "standard", "paper"), default="standard")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=JSON",
        dest="changes",
        help="change one value of the job: --set retrain.steps=400 --set labeler='\"atlas\"'",
    )
    parser.add_argument(
        "--copy", action="store_true", help="copy the volumes into the run under neutral names"
    )
    parser.set_defaults(verb=verbs.create)


def _add_predict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, help="a .cfrmodel file")
    parser.add_argument("inputs", type=Path, nargs="*", help="volumes or DICOM folders")
    parser.add_argument("--output", type=Path, help="file for one input, folder for several")
    parser.add_argument("--list", type=Path, help='instead, JSON: [{"input": FILE, "output": FILE}, ...]')
    parser.add_argument("--device", default="auto", help="auto, cpu, mps, cuda or cuda:1 (default auto)")
    parser.add_argument("--runtime", choices=("auto", "torch", "openvino"), default="auto")
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--overlap", type=float, help="window overlap, 0 to 0.9 (default: the model's)")
    parser.add_argument(
        "--largest-component",
        action=argparse.BooleanOptionalAction,
        help="keep each class's largest piece only, or every piece (default: the model's)",
    )
    parser.add_argument("--threads", type=int, default=0, help="processor threads (default all)")
    add_viewer_options(parser)
    parser.set_defaults(verb=verbs.predict)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("predictions", type=Path, help="folder of segmentations")
    parser.add_argument("references", type=Path, help="folder of reference labels with the same names")
    parser.add_argument("--classes", required=True, help="label values and names: '1=left atrium'")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    parser.set_defaults(verb=verbs.evaluate)


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, default=Path("demo"), help="folder to make (default ./demo)")
    parser.add_argument("--seed", type=int, default=0)
    parser.set_defaults(verb=verbs.demo)
