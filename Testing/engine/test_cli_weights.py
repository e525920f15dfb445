"""`weights`: official files alone, resumed, canceled and refused; the network is a server of this test."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from CFRTrain.cli import weights_transfer
from CFRTrain.runs.official_weights import OFFICIAL_WEIGHTS, OfficialWeights
from Testing.engine.cli_tools import of_type, say

CONTENT = bytes(range(256)) * 400
TINY = OfficialWeights("vit_b", "sam_vit_b_01ec64.pth", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
PART = f".{TINY.file_name}.part"


class Server:
    """Offers `content`; ranges: whether it can go on in the middle; cut: bytes after which it breaks off."""

    def __init__(self) -> None:
        self.content, self.ranges, self.cut = CONTENT, True, None
        self.asked: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/sam.pth"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range")
        self.asked.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.ranges else 0
        body = self.content[start:]
        request.send_response(206 if asked and self.ranges else 200)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body if self.cut is None else body[: self.cut])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setitem(OFFICIAL_WEIGHTS, "vit_b", TINY)
    monkeypatch.setattr(weights_transfer, "CHUNK", 10_000)
    found = Server()
    thread = threading.Thread(target=found.http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    found.http.shutdown()
    found.http.server_close()


def download(capsys, server: Server, folder: Path, *more: object) -> tuple[int, list[dict]]:
    return say(capsys, "weights", "download", "vit_b", "--folder", folder, "--url", server.url, *more)


def test_a_download_tells_its_bytes_and_leaves_the_verified_file_alone(
    tmp_path: Path, capsys, server: Server
):
    code, messages = download(capsys, server, tmp_path / "new é")
    assert code == 0 and messages[-1] == {"type": "finished", "status": "done"}
    steps = [message["step"] for message in of_type(messages, "progress")]
    assert steps[-1] == len(CONTENT) == of_type(messages, "progress")[-1]["of"]
    (said,) = of_type(messages, "weights")
    assert Path(said["file"]).read_bytes() == CONTENT and said["model"] == "vit_b"
    assert [path.name for path in (tmp_path / "new é").iterdir()] == [TINY.file_name]


def test_a_broken_download_goes_on_where_it_was(tmp_path: Path, capsys, server: Server):
    server.cut = 30_000
    code, messages = download(capsys, server, tmp_path)
    assert code == 6 and of_type(messages, "error")[0]["code"] == "no_network"
    assert not (tmp_path / TINY.file_name).exists() and (tmp_path / PART).stat().st_size == 30_000
    server.cut = None
    assert download(capsys, server, tmp_path)[0] == 0
    assert server.asked == [None, "bytes=30000-"] and (tmp_path / TINY.file_name).read_bytes() == CONTENT
    assert not (tmp_path / PART).exists()


def test_a_server_that_cannot_go_on_in_the_middle_begins_anew(tmp_path: Path, capsys, server: Server):
    (tmp_path / PART).write_bytes(b"something else")
    server.ranges = False
    assert download(capsys, server, tmp_path)[0] == 0
    assert (tmp_path / TINY.file_name).read_bytes() == CONTENT


@pytest.mark.parametrize("left_over", [b"", b"x" * 100, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 5)])
def test_wrong_bytes_are_refused_and_removed_whatever_they_are(
    tmp_path: Path, capsys, server: Server, left_over
):
    (tmp_path / PART).write_bytes(left_over)
    server.content = CONTENT[:-1] + b"?"
    code, messages = download(capsys, server, tmp_path)
    assert code == 3 and of_type(messages, "error")[0]["code"] == "wrong_checksum"
    assert TINY.sha256 in of_type(messages, "error")[0]["remedy"] and list(tmp_path.iterdir()) == []
    server.content = CONTENT
    assert download(capsys, server, tmp_path)[0] == 0


def test_a_canceled_download_leaves_nothing_under_the_official_name(tmp_path: Path, capsys, server: Server):
    stop = tmp_path / "stop"
    stop.touch()
    code, messages = download(capsys, server, tmp_path / "in", "--stop-file", stop)
    assert code == 130 and messages[-1]["status"] == "stopped" and not of_type(messages, "error")
    assert not (tmp_path / "in" / TINY.file_name).exists()
    stop.unlink()
    assert download(capsys, server, tmp_path / "in", "--stop-file", stop)[0] == 0


def test_a_file_that_is_there_is_verified_and_not_fetched_again(tmp_path: Path, capsys, server: Server):
    (tmp_path / TINY.file_name).write_bytes(CONTENT)
    assert download(capsys, server, tmp_path)[0] == 0 and server.asked == []
    (tmp_path / TINY.file_name).write_bytes(CONTENT[:-1] + b"?")
    assert download(capsys, server, tmp_path)[0] == 0 and len(server.asked) == 1
    assert (tmp_path / TINY.file_name).read_bytes() == CONTENT


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/sam.pth", "http://127.0.0.1:{port}/sam.pth"])
def test_no_network_is_said_with_the_way_around_it(tmp_path: Path, capsys, server: Server, url: str):
    server.http.RequestHandlerClass.do_GET = lambda request: request.send_error(403)
    url = url.format(port=server.http.server_port)
    code, messages = say(capsys, "weights", "download", "vit_b", "--folder", tmp_path, "--url", url)
    (error,) = of_type(messages, "error")
    assert code == 6 and error["code"] == "no_network" and "install it" in error["remedy"]
    assert not (tmp_path / TINY.file_name).exists()


def test_only_the_web_is_fetched_from(tmp_path: Path, capsys, server: Server):
    (tmp_path / "a.pth").write_bytes(CONTENT)
    address = f"file://{tmp_path}/a.pth"
    code, messages = say(capsys, "weights", "download", "vit_b", "--folder", tmp_path, "--url", address)
    assert code == 2 and of_type(messages, "error")[0]["code"] == "bad_address"


def test_a_file_of_this_machine_is_installed_under_its_official_name(tmp_path: Path, capsys, server: Server):
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick/renamed.bin").write_bytes(CONTENT)
    code, messages = say(
        capsys, "weights", "install", tmp_path / "stick/renamed.bin", "--folder", tmp_path / "w"
    )
    assert code == 0 and of_type(messages, "weights")[0]["file"] == str(tmp_path / "w" / TINY.file_name)
    assert (tmp_path / "w" / TINY.file_name).read_bytes() == CONTENT
    again = say(capsys, "weights", "install", tmp_path / "w" / TINY.file_name, "--folder", tmp_path / "w")
    assert again[0] == 0 and (tmp_path / "w" / TINY.file_name).read_bytes() == CONTENT


@pytest.mark.parametrize("action", ["install", "verify"])
def test_a_wrong_file_is_refused_its_copy_removed_and_itself_left_alone(
    tmp_path: Path, capsys, server: Server, action: str
):
    wrong = tmp_path / TINY.file_name
    wrong.write_bytes(CONTENT[:-1] + b"?")
    folder = ("--folder", tmp_path / "w") if action == "install" else ()
    code, messages = say(capsys, "weights", action, wrong, *folder)
    assert code == 3 and of_type(messages, "error")[0]["code"] == "wrong_checksum"
    assert wrong.exists() and not list((tmp_path / "w").glob("*"))
    code, messages = say(capsys, "weights", action, Path(__file__), *folder)
    assert code == 3 and "none of SAM's official files" in of_type(messages, "error")[0]["text"]


def test_the_official_files_are_listed_with_license_size_and_checksum(capsys):
    code, messages = say(capsys, "weights", "list")
    entries = of_type(messages, "official")
    assert code == 0 and [entry["model"] for entry in entries] == ["vit_b", "vit_l", "vit_h"]
    assert all(entry["license"].startswith("Apache") and len(entry["sha256"]) == 64 for entry in entries)
    assert [round(entry["size_bytes"] / 1e6) for entry in entries] == [375, 1250, 2565]


def test_a_full_disk_is_said_before_the_download_begins(tmp_path: Path, capsys, server: Server, monkeypatch):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    code, messages = download(capsys, server, tmp_path)
    assert code == 5 and of_type(messages, "error")[0]["code"] == "disk_full" and server.asked == []
