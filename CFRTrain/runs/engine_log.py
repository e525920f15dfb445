"""engine.log: what the engine and Python's warnings say, without anyone's paths. Standard library only."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

from CFRTrain.runs.private_paths import hide_paths

LOGGERS = ("CFRTrain", "py.warnings")
MAX_BYTES = 5_000_000  # then engine.log.1 takes the older lines


class PrivateFormatter(logging.Formatter):
    """Formats a record, its traceback included, and hides every path outside the run folder."""

    def __init__(self, root: Path) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self.root = root

    def format(self, record: logging.LogRecord) -> str:
        """The line or lines of one record."""
        return hide_paths(super().format(record), self.root)


@contextmanager
def engine_log(root: Path, level: int = logging.INFO) -> Iterator[None]:
    """Sends the engine's log records and Python's warnings to engine.log in `root` while the block runs."""
    root.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(root / "engine.log", maxBytes=MAX_BYTES, backupCount=1, encoding="utf-8")
    handler.setFormatter(PrivateFormatter(root))
    before = {name: logging.getLogger(name).level for name in LOGGERS}
    logging.captureWarnings(True)
    for name in LOGGERS:
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(level)
    try:
        yield
    finally:
        for name, old_level in before.items():
            logging.getLogger(name).removeHandler(handler)
            logging.getLogger(name).setLevel(old_level)
        logging.captureWarnings(False)
        handler.close()
