"""detector.serve, asked over a real socket."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from http.client import HTTPConnection
from pathlib import Path

import pytest
import uvicorn
from jsonschema import Draft202012Validator

from detector import __main__ as command_line
from detector.serve.endpoint import application
from detector.serve.rate_limit import RateLimit

ROOT = Path(__file__).parents[2]
MAX_BYTES = 100_000


@pytest.fixture(scope="module")
def port(classifier):
    """Where an endpoint listens that takes pictures of up to 100 kB."""
    listening = socket.create_server(("127.0.0.1", 0))
    app = application(classifier, MAX_BYTES, per_minute=1000, hosts=["127.0.0.1"])
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join(20)


def ask(port: int, method: str, path: str, body=None, headers=None) -> tuple[int, dict]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, json.loads(content) if content.startswith(b"{") else {"text": content.decode()}


def test_a_picture_gets_what_the_command_line_prints(port, photo_folder, tiny_bundle, capsys):
    photo = photo_folder / "warm.png"
    status, answer = ask(port, "POST", "/judge", photo.read_bytes())
    assert status == 200 and answer["verdict"] == "ai" and answer["ordinary_copies"] > 0
    assert command_line.main(["--json", "--bundle", str(tiny_bundle), str(photo)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed.pop("path") == str(photo) and answer.pop("path") == ""
    for when in (printed, answer):
        when.pop("date")
    assert answer == printed


def test_a_quick_judgement_leaves_out_the_damaged_copies(port, photo_folder):
    status, answer = ask(port, "POST", "/judge?quick", (photo_folder / "cool.jpg").read_bytes())
    assert (status, answer["verdict"], answer["ordinary_copies"]) == (200, "real", None)


@pytest.mark.parametrize(
    ("body", "headers", "status", "sentence"),
    [
        (b"no picture", {}, 422, "not an image"),
        (b"", {}, 400, "no body"),
        (b"x" * (MAX_BYTES + 1), {}, 413, "larger than"),
        (b"", {"Content-Length": "99999999999"}, 413, "larger than"),
        (b"x", {"Content-Type": "multipart/form-data; boundary=x"}, 415, "not a form"),
    ],
)
def test_what_is_no_picture_gets_a_sentence_and_the_right_status(port, body, headers, status, sentence):
    found, answer = ask(port, "POST", "/judge", body, headers)
    assert found == status and sentence in answer["error"]


def test_a_body_without_a_length_is_bounded_too(port):
    pieces = (b"x" * 10_000 for _ in range(1000))
    try:
        status, _ = ask(port, "POST", "/judge", pieces, {"Transfer-Encoding": "chunked"})
    except (BrokenPipeError, ConnectionResetError):  # closed on us while we were still sending
        return
    assert status == 413


def test_unknown_paths_methods_and_hosts_are_refused(port):
    assert ask(port, "GET", "/nowhere") == (404, {"error": "Not Found"})
    assert ask(port, "GET", "/judge")[0] == 405
    assert ask(port, "GET", "/health", headers={"Host": "evil.example"})[0] == 400


def test_the_openapi_document_and_its_page_name_every_status(port):
    status, document = ask(port, "GET", "/openapi.json")
    responses = document["paths"]["/judge"]["post"]["responses"]
    assert status == 200 and {"200", "413", "422", "429"} <= set(responses)
    page = ask(port, "GET", "/")[1]["text"]
    assert "POST /judge" in page and "src=" not in page


def test_an_answer_is_what_the_openapi_document_says(port, photo_folder):
    schema = ask(port, "GET", "/openapi.json")[1]["components"]["schemas"]["Record"]
    for body in ((photo_folder / "warm.png").read_bytes(), b"no picture"):
        answer = ask(port, "POST", "/judge", body)[1]
        assert answer.keys() == schema["properties"].keys()
        Draft202012Validator(schema).validate(answer)


def test_a_client_that_asks_too_often_waits_and_others_do_not():
    now = [0.0]
    limit = RateLimit(2, clock=lambda: now[0])
    assert [limit.wait("a"), limit.wait("a"), limit.wait("a")] == [0, 0, 30]
    assert limit.wait("b") == 0
    now[0] = 30.0
    assert limit.wait("a") == 0


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_the_command_listens_on_this_machine_and_ends_cleanly(compiled_bundle, photo_folder, ending):
    environment = {key: value for key, value in os.environ.items() if key != "TELLTALE_RUNTIME"}
    words = ["serve", "--port", "0", "--per-minute", "1", "--bundle", str(compiled_bundle)]
    process = subprocess.Popen(
        [sys.executable, "-m", "detector", *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert "http://127.0.0.1:" in line, process.stderr.read() if process.poll() is not None else line
        port = int(line.split("127.0.0.1:")[1].split()[0])
        content = (photo_folder / "cool.jpg").read_bytes()
        assert ask(port, "POST", "/judge", content)[1]["verdict"] == "real"
        assert ask(port, "POST", "/judge", content)[0] == 429
        process.send_signal(ending)
        assert process.wait(30) == 0
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.wait()
