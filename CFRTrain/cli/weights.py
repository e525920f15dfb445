"""`weights`: SAM's official files listed, downloaded, verified, installed from a file."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from pathlib import Path

from CFRTrain.cli.messages import Messages
from CFRTrain.cli.stopping import StopSign, stop_sign
from CFRTrain.cli.weights_transfer import copy_in, digest, download, verified
from CFRTrain.runs.errors import JobError, ModelError
from CFRTrain.runs.official_weights import HOME_PAGE, LICENSE, OFFICIAL_WEIGHTS, OfficialWeights


def list_weights(options: Namespace) -> int:
    """Says one `official` message for each published file."""
    messages = Messages()
    with messages.ending():
        for entry in OFFICIAL_WEIGHTS.values():
            messages.send(
                "official",
                f"{entry.model}: {entry.file_name}, {entry.size_bytes / 2**20:.0f} MiB, {entry.url}",
                model=entry.model, file_name=entry.file_name, size_bytes=entry.size_bytes, url=entry.url,
                sha256=entry.sha256, license=LICENSE, home_page=HOME_PAGE,
            )  # fmt: skip
    return 0


def download_weights(options: Namespace) -> int:
    """Fetches one file unless it is there; a stopped download goes on with the same command."""
    messages, entry = Messages(), OFFICIAL_WEIGHTS[options.model]
    with messages.ending(), stop_sign(options.stop_file) as sign:
        target = _folder(options.folder) / entry.file_name
        if not _is_intact(target, entry, sign, messages):
            tell = partial(messages.progress, "download")
            download(entry, options.folder, options.url or entry.url, sign.raise_if_set, tell)
        _say(messages, entry, target)
    return 0


def install_weights(options: Namespace) -> int:
    """Copies an official file into the folder, verified, under its official name."""
    messages = Messages()
    with messages.ending(), stop_sign(options.stop_file) as sign:
        entry = _recognized(options.file, options.model, sign, messages)
        tell = partial(messages.progress, "install")
        target = copy_in(options.file, entry, _folder(options.folder), sign.raise_if_set, tell)
        _say(messages, entry, target)
    return 0


def verify_weights(options: Namespace) -> int:
    """Says which official file this is. Raises ModelError where it is none."""
    messages = Messages()
    with messages.ending(), stop_sign(options.stop_file) as sign:
        entry = _recognized(options.file, options.model, sign, messages)
        verified(options.file, entry, sign.raise_if_set, partial(messages.progress, "verify"))
        _say(messages, entry, options.file)
    return 0


def _is_intact(target: Path, entry: OfficialWeights, sign: StopSign, messages: Messages) -> bool:
    """Whether the official file is in the folder already; a damaged one does not count."""
    tell = partial(messages.progress, "verify")
    return target.is_file() and digest(target, sign.raise_if_set, tell) == entry.sha256


def _recognized(file: Path, model: str | None, sign: StopSign, messages: Messages) -> OfficialWeights:
    """The official file that `file` claims to be, by the person's word, its name or its size."""
    if not file.is_file():
        raise JobError("no_file", "There is no such file.", "Choose an existing weights file.")
    if model is not None:
        return OFFICIAL_WEIGHTS[model]
    size = file.stat().st_size
    for entry in OFFICIAL_WEIGHTS.values():
        if file.name == entry.file_name or size == entry.size_bytes:
            return entry
    names = ", ".join(entry.file_name for entry in OFFICIAL_WEIGHTS.values())
    raise ModelError(
        "wrong_checksum",
        "This is none of SAM's official files: neither its name nor its size is one of theirs.",
        f"Use one of {names}.",
    )


def _folder(folder: Path) -> Path:
    """The folder, made where it is missing. Raises JobError where that is not allowed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or "unknown reason"
        text = f"The weights folder cannot be made ({reason})."
        raise JobError("no_folder", text, "Choose a folder that you may write to.") from error
    return folder


def _say(messages: Messages, entry: OfficialWeights, file: Path) -> None:
    messages.send("weights", f"{entry.model}: {file}", model=entry.model, file=str(file), sha256=entry.sha256)
