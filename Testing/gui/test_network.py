"""No byte leaves the machine: all of it without a network, in the window and in the engine's processes."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from Testing.bed.waiting import wait_until
from Testing.gui.trainer import Trainer

# Read by Python when it starts. Sockets between processes of this machine are files, and are not forbidden.
NO_NETWORK = """
import socket
from pathlib import Path

def refuse(self, address, *_arguments):
    if self.family != getattr(socket, "AF_UNIX", None):
        with Path({log!r}).open("a") as log:
            log.write(f"{{address}}\\n")
        raise OSError("the network is forbidden here")
    return connect(self, address)

connect = socket.socket.connect
socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = refuse
Path({log!r}).open("a").close()
"""


@pytest.fixture
def network_log(engine_python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every attempt to reach a network, here or in the engine, fails and becomes a line of this file."""
    log, folder = tmp_path / "network.log", tmp_path / "no_network"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(NO_NETWORK.format(log=str(log)))
    engine_python.write_text(f'#!/bin/sh\nPYTHONPATH="{folder}" exec "{sys.executable}" "$@"\n')

    def refuse(_socket: socket.socket, address: object, *_arguments: object) -> None:
        with log.open("a") as stream:
            stream.write(f"{address}\n")
        raise OSError("the network is forbidden here")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    return log


def test_44_a_whole_training_reaches_for_no_network(
    window, network_log, short_preview, small_cohort, request
):
    train = Trainer(window, small_cohort, request)
    train.open()
    train.start()
    assert train.wait_for_end() == "done"
    cohort = window.session.cohort
    wait_until(lambda: cohort.reviewQueue(), "the pseudo-labels", 30)
    assert network_log.exists(), "the engine did not start as the test wanted it to"
    assert network_log.read_text() == ""
