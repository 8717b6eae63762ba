"""A picture from the web, fetched where that is switched on: ``TELLTALE_ALLOW_URLS=1``.

Whoever types an address must not reach, through this machine, what only this machine can reach. So a name is
resolved once for each hop, every address it has must be a public one, and the connection is made to the very
address that was checked; a redirect is a new hop and is checked like the first. Size and total time are
bounded, and what arrives must be a picture by its type and by its first bytes.
"""

from __future__ import annotations

import http.client
import ipaddress
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from urllib.parse import unquote, urljoin, urlsplit

from detector.image_headers import sniff
from detector.images import MAX_FILE_BYTES

SWITCH = "TELLTALE_ALLOW_URLS"
"""Environment variable: "1" allows fetching; anything else, or nothing, does not."""

MAX_REDIRECTS = 3
SECONDS = 20.0
"""From the first look-up to the last byte, all hops together."""

MAX_URL = 2000
PORTS = {"http": 80, "https": 443}
REDIRECTS = (301, 302, 303, 307, 308)

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class WebPictureError(ValueError):
    """Nothing was fetched; the message is a sentence for the user."""


IsAllowed = Callable[[str], bool]
"""Whether a connection to this address, numbers and no name, may be made."""


@dataclass(frozen=True)
class WebPicture:
    """name: the last part of the address, for people. url: where it was found in the end."""

    name: str
    url: str
    content: bytes


def is_switched_on() -> bool:
    """Whether this installation may fetch pictures."""
    return os.environ.get(SWITCH, "") == "1"


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet: not private, loopback, link-local, shared by a
    provider (CGNAT), multicast or reserved. One of IPv6 that stands for one of IPv4 is taken for none: no
    public host needs it."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and (ip.is_site_local or _stands_for_ipv4(ip)):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def _stands_for_ipv4(ip: ipaddress.IPv6Address) -> bool:
    return bool(ip.ipv4_mapped or ip.sixtofour or ip.teredo or ip in _NAT64)


def fetch_picture(
    url: str,
    *,
    is_allowed: IsAllowed = is_public,
    seconds: float = SECONDS,
    max_bytes: int = MAX_FILE_BYTES,
) -> WebPicture:
    """The picture at an http or https address. Raises WebPictureError.

    is_allowed: asked for every address of every hop, before the connection.
    """
    deadline = time.monotonic() + seconds
    for _ in range(MAX_REDIRECTS + 1):
        answer = _get(url, is_allowed, deadline, max_bytes)
        if isinstance(answer, bytes):
            return WebPicture(_name(url), url, answer)
        url = _redirected(url, answer)
    raise WebPictureError(
        f"This address leads on and on: after {MAX_REDIRECTS} redirects nothing is fetched."
    )


def _get(url: str, is_allowed: IsAllowed, deadline: float, max_bytes: int) -> bytes | str:
    """The picture, or the address that the answer redirects to."""
    scheme, host, port, path = _parts(url)
    connected = _connect(host, port, is_allowed, deadline)
    try:
        if scheme == "https":
            connected = _encrypted(connected, host)
        with _shut_at(deadline, connected):
            if isinstance(connected, ssl.SSLSocket):
                connected.do_handshake()
            connection = http.client.HTTPConnection(host, port)
            connection.sock = connected
            connection.request("GET", path, headers=HEADERS | {"Host": _authority(scheme, host, port)})
            return _read(connection.getresponse(), deadline, max_bytes)
    except WebPictureError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        if time.monotonic() >= deadline:
            raise WebPictureError(_TOO_SLOW) from error
        raise WebPictureError(
            f"{host} did not send this picture whole: download it and upload it."
        ) from error
    finally:
        connected.close()


HEADERS = {
    "Accept": "image/*",
    "Accept-Encoding": "identity",
    "User-Agent": "Telltale",
    "Connection": "close",
}
_TOO_SLOW = "This address takes too long to answer: download the picture and upload it."
_NO_ADDRESS = "This is no address of a picture: it begins with http:// or https:// and names a public host."


def _parts(url: str) -> tuple[str, str, int, str]:
    """(scheme, host in ASCII, port, path with query) of an address that may be asked for."""
    url = url.strip()
    if len(url) > MAX_URL or not url.isprintable() or " " in url:
        raise WebPictureError(_NO_ADDRESS)
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS[parts.scheme]
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except (ValueError, KeyError) as error:
        raise WebPictureError(_NO_ADDRESS) from error
    if not host or parts.username is not None or parts.password is not None:
        raise WebPictureError(_NO_ADDRESS)
    path = parts.path or "/"
    if parts.query:
        path += f"?{parts.query}"
    return parts.scheme, host, port, _ascii(path)


def _redirected(url: str, location: str) -> str:
    """The address that an answer from url redirects to."""
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise WebPictureError(_NO_ADDRESS) from error


def _ascii(path: str) -> str:
    """Letters beyond ASCII as the bytes of their UTF-8, in per cent."""
    return "".join(c if c.isascii() else "".join(f"%{byte:02X}" for byte in c.encode()) for c in path)


def _connect(host: str, port: int, is_allowed: IsAllowed, deadline: float) -> socket.socket:
    """A connection to an address of the host, all of which are allowed."""
    addresses = _resolved(host, port, deadline)
    if not all(is_allowed(address) for address in addresses):
        raise WebPictureError(f"{host} is no public host, and only public ones are asked.")
    for address in addresses:
        try:
            return _connected(address, port, _left(deadline))
        except OSError:
            continue
    raise WebPictureError(f"{host} does not answer: check the address.")


def _connected(address: str, port: int, seconds: float) -> socket.socket:
    connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    connection.settimeout(seconds)
    try:
        connection.connect((address, port))
    except BaseException:
        connection.close()
        raise
    return connection


def _resolved(host: str, port: int, deadline: float) -> list[str]:
    """The host's addresses. In a thread, because looking up knows no time limit."""
    future: Future[list] = Future()

    def look_up() -> None:
        try:
            future.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            future.set_exception(error)

    threading.Thread(target=look_up, daemon=True, name="look-up").start()
    try:
        found = future.result(_left(deadline))
    except TimeoutError as error:
        raise WebPictureError(_TOO_SLOW) from error
    except (OSError, UnicodeError) as error:
        raise WebPictureError(f"There is no host called {host[:100]}: check the address.") from error
    return list(dict.fromkeys(str(address[4][0]) for address in found))


def _encrypted(connected: socket.socket, host: str) -> ssl.SSLSocket:
    """The connection for a handshake that is yet to come."""
    context = ssl.create_default_context()
    return context.wrap_socket(connected, server_hostname=host, do_handshake_on_connect=False)


def _authority(scheme: str, host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port == PORTS[scheme] else f"{name}:{port}"


def _read(response: http.client.HTTPResponse, deadline: float, max_bytes: int) -> bytes | str:
    """The picture, or the address that the answer redirects to."""
    _left(deadline)  # the headers may have been cut off there
    location = response.headers.get("Location")
    if response.status in REDIRECTS and location:
        return location
    if response.status != 200:
        raise WebPictureError(f"The address answers with status {response.status}, not with a picture.")
    kind = response.headers.get_content_type()
    encoding = response.headers.get("Content-Encoding", "identity")
    if not kind.startswith("image/") or encoding != "identity":
        raise WebPictureError("This is the address of something else than a picture, a page perhaps.")
    if response.length is not None and response.length > max_bytes:
        raise WebPictureError(_too_large(max_bytes))
    content = bytearray()
    while piece := response.read1(2**16):
        content += piece
        if len(content) > max_bytes:
            raise WebPictureError(_too_large(max_bytes))
    _left(deadline)
    if response.length:  # fewer bytes than were announced
        raise http.client.IncompleteRead(bytes(content), response.length)
    if not sniff(bytes(content)):
        raise WebPictureError("What this address sends is called a picture and is none.")
    return bytes(content)


def _too_large(max_bytes: int) -> str:
    return f"The file at this address is larger than {max_bytes / 2**20:.0f} MB: nothing was fetched."


def _left(deadline: float) -> float:
    """Seconds until then. Raises WebPictureError when there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise WebPictureError(_TOO_SLOW)
    return left


@contextmanager
def _shut_at(deadline: float, connected: socket.socket) -> Iterator[None]:
    """Whoever sends a byte now and then would keep every single read alive: at the deadline all ends."""
    watchdog = threading.Timer(_left(deadline), partial(_shut, connected))
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()


def _shut(connected: socket.socket) -> None:
    """End a connection that another thread is reading from, beneath its encryption."""
    with suppress(OSError):  # it has just been closed
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _name(url: str) -> str:
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    return name or urlsplit(url).hostname or "picture"
