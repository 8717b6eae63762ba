"""Fetching a picture: what is refused, against a server of ours that misbehaves."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import pytest
from PIL import Image

from detector import web_pictures
from detector.web_pictures import WebPictureError, fetch_picture, is_public


def _png() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (40, 30), "orange").save(buffer, "PNG")
    return buffer.getvalue()


PNG = _png()
METADATA_SERVICE = "http://169.254.169.254/latest/meta-data/picture.png"


class Misbehaving(BaseHTTPRequestHandler):
    """A path for each way of answering."""

    def do_GET(self):
        with suppress(OSError):  # the client hangs up on what it refuses
            getattr(self, self.path.strip("/").partition("?")[0].replace("-", "_").partition(".")[0])()

    def log_message(self, *arguments):
        pass

    def answer(self, content, status=200, length=None, **headers):
        self.send_response(status)
        headers = {"Content-Type": "image/png"} | {k.replace("_", "-"): v for k, v in headers.items()}
        for name, value in headers.items():
            self.send_header(name, value)
        if length is not False:
            self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def picture(self):
        self.answer(PNG)

    def one_hop(self):
        self.answer(b"", 302, Location="/picture.png")

    def to_private(self):
        self.answer(b"", 302, Location=METADATA_SERVICE)

    def to_file(self):
        self.answer(b"", 302, Location="file:///etc/passwd")

    def to_no_address(self):
        self.answer(b"", 302, Location="http://[")

    def round_and_round(self):
        self.answer(b"", 302, Location="/round-and-round")

    def page(self):
        self.answer(b"<html>", Content_Type="text/html")

    def page_called_picture(self):
        self.answer(b"<html>")

    def packed(self):
        self.answer(PNG, Content_Encoding="gzip")

    def claims_more(self):
        self.answer(PNG, length=len(PNG) + 1000)

    def claims_too_much(self):
        self.answer(PNG, length=10**12)

    def for_ever(self):
        self.answer(b"", length=False)
        while True:
            self.wfile.write(PNG * 100)

    def drop_by_drop(self):
        self.answer(b"", length=False)
        for byte in PNG * 1000:
            self.wfile.write(bytes([byte]))
            time.sleep(0.02)

    def header_by_header(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            self.wfile.write(b"x")
            time.sleep(0.02)


@pytest.fixture(scope="module")
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def only_the_server(address: str) -> bool:
    """The check of addresses, but for the one that the test's server has."""
    return address == "127.0.0.1" or is_public(address)


def refusal(url: str, **bounds) -> str:
    with pytest.raises(WebPictureError) as error:
        fetch_picture(url, is_allowed=only_the_server, **bounds)
    return str(error.value)


@pytest.mark.parametrize("path", ["/picture.png?size=large", "/one-hop"])
def test_a_picture_comes_as_it_is_with_the_name_it_has_there(server, path):
    fetched = fetch_picture(server + path, is_allowed=only_the_server)
    assert (fetched.name, fetched.content) == ("picture.png", PNG)


def test_a_redirect_to_a_private_address_is_not_followed(server):
    assert "no public host" in refusal(f"{server}/to-private")


def test_a_redirect_to_another_kind_of_address_is_not_followed(server):
    assert "no address of a picture" in refusal(f"{server}/to-file")


def test_a_redirect_to_what_is_no_address_at_all_is_not_followed(server):
    assert "no address of a picture" in refusal(f"{server}/to-no-address")


@pytest.fixture
def silent():
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)
        yield listening


def is_hung_up(silent) -> bool:
    """Whether the one connection to the server has been closed at its other end."""
    with silent.accept()[0] as accepted:
        accepted.settimeout(5)
        return accepted.recv(1) == b""


def test_a_connection_that_breaks_before_its_encryption_is_refused_and_closed(silent, monkeypatch):
    def broken(connected, host):
        raise OSError("connection reset")

    monkeypatch.setattr(web_pictures, "_encrypted", broken)
    with pytest.raises(WebPictureError, match="did not send") as caught:
        fetch_picture(f"https://127.0.0.1:{silent.getsockname()[1]}/x.png", is_allowed=only_the_server)
    assert is_hung_up(silent) and caught.tb  # a traceback keeps alive what nobody closed


def test_a_connection_whose_time_is_up_before_anything_is_asked_is_closed(silent, monkeypatch):
    def slow(connected, host):
        time.sleep(0.4)
        return connected

    monkeypatch.setattr(web_pictures, "_encrypted", slow)
    url = f"https://127.0.0.1:{silent.getsockname()[1]}/x.png"
    with pytest.raises(WebPictureError, match="too long") as caught:
        fetch_picture(url, is_allowed=only_the_server, seconds=0.3)
    assert is_hung_up(silent) and caught.tb  # a traceback keeps alive what nobody closed


def test_redirects_come_to_an_end(server):
    assert "on and on" in refusal(f"{server}/round-and-round")


@pytest.mark.parametrize("path", ["page", "packed", "page-called-picture"])
def test_what_is_no_picture_is_refused(server, path):
    assert "picture" in refusal(f"{server}/{path}")


def test_a_server_that_claims_more_than_it_sends_is_not_believed(server):
    assert "did not send this picture whole" in refusal(f"{server}/claims-more")


def test_a_length_beyond_the_bound_is_refused_before_anything_is_read(server):
    assert "larger than" in refusal(f"{server}/claims-too-much")


def test_a_stream_without_end_is_left_at_the_bound(server):
    assert "larger than" in refusal(f"{server}/for-ever", max_bytes=10**6)


@pytest.mark.parametrize("path", ["drop-by-drop", "header-by-header"])
def test_a_server_that_sends_drop_by_drop_is_left_when_time_is_up(server, path):
    start = time.monotonic()
    assert "too long" in refusal(f"{server}/{path}", seconds=0.5)
    assert time.monotonic() - start < 5


def test_the_connection_is_made_to_the_address_that_was_checked(server, monkeypatch):
    """A name that means another address at the second look (DNS rebinding) gains nothing: there is none."""
    port = int(server.rpartition(":")[2])
    answers = iter(["127.0.0.1", "169.254.169.254", "169.254.169.254"])
    looked_up = []

    def look_up(host, port, *_, **__):
        looked_up.append(host)
        return [(2, 1, 6, "", (next(answers), port))]

    monkeypatch.setattr(web_pictures.socket, "getaddrinfo", look_up)
    url = f"http://rebinding.example:{port}/picture.png"
    assert fetch_picture(url, is_allowed=only_the_server).content == PNG
    assert looked_up == ["rebinding.example"]


def test_a_host_with_one_private_address_among_its_own_is_refused(monkeypatch):
    found = [(2, 1, 6, "", (address, 80)) for address in ("93.184.215.14", "10.0.0.1")]
    monkeypatch.setattr(web_pictures.socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(WebPictureError, match="no public host"):
        fetch_picture("http://mixed.example/x.png")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fec0::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:0a00:0001::",
        "localhost",
    ],
)
def test_an_address_that_is_not_public_is_refused(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_a_public_address_is_allowed(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/x.png",
        "file:///etc/passwd",
        "example.com/x.png",
        "http://",
        "http://user:secret@example.com/x.png",
        "http://exa mple.com/",
        "http://example.com:99999/",
        "http://example.com/\r\nX: y",
        "http://" + "a" * 3000,
    ],
)
def test_what_is_no_address_of_the_web_is_refused_before_any_look_up(url, monkeypatch):
    monkeypatch.setattr(web_pictures.socket, "getaddrinfo", lambda *_, **__: pytest.fail("looked up"))
    with pytest.raises(WebPictureError, match="no address"):
        fetch_picture(url)


def test_a_server_on_this_machine_is_not_asked(server):
    with pytest.raises(WebPictureError, match="no public host"):
        fetch_picture(f"{server}/picture.png")


@pytest.mark.parametrize(("value", "on"), [("1", True), ("0", False), ("", False), (None, False)])
def test_fetching_is_off_unless_it_is_switched_on(value, on, monkeypatch):
    monkeypatch.delenv(web_pictures.SWITCH, raising=False)
    if value is not None:
        monkeypatch.setenv(web_pictures.SWITCH, value)
    assert web_pictures.is_switched_on() is on
