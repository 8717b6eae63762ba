"""``telltale serve`` or ``python -m detector.serve``: judge pictures that are posted to this machine.

Ends with Ctrl-C or SIGTERM, after the pictures that it has begun with. Exit status: 0 ended so, 2 it could
not start.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from contextlib import suppress

from detector.bundle import BundleError, default_bundle
from detector.classifier import Classifier
from detector.images import MAX_FILE_BYTES

LOCAL = ("localhost", "127.0.0.1", "::1")
SECONDS_TO_FINISH = 20


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    options = _parser().parse_args(arguments)
    try:
        import uvicorn

        from detector.serve.endpoint import application
    except ImportError:
        print("error: serving needs starlette and uvicorn, which Streamlit brings.", file=sys.stderr)
        return 2
    try:
        listening = socket.create_server((options.host, options.port), family=_family(options.host))
    except (OSError, OverflowError) as error:
        problem = getattr(error, "strerror", None) or error
        print(f"error: {options.host}:{options.port} cannot be used: {problem}.", file=sys.stderr)
        return 2
    try:
        classifier = Classifier.load(options.bundle)
    except BundleError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    classifier.warm_up()
    hosts = ["localhost", "127.0.0.1", "[::1]"] if options.host in LOCAL else None
    app = application(classifier, int(options.max_mb * 2**20), options.per_minute, hosts)
    settings = uvicorn.Config(
        app, log_level="warning", server_header=False, timeout_graceful_shutdown=SECONDS_TO_FINISH
    )
    port = listening.getsockname()[1]
    print(
        f"Judging with {classifier.bundle.name} at http://{options.host}:{port} (Ctrl-C ends it)", flush=True
    )
    # uvicorn finishes what it has begun with, and then raises the signal again.
    signal.signal(signal.SIGTERM, lambda *_: None)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(settings).run([listening])
    return 0


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="telltale serve", description="Judge pictures that are posted to /judge; answers JSON."
    )
    parser.add_argument(
        "--bundle", default=default_bundle(), metavar="NAME", help="model (default: %(default)s)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: this machine alone)")
    parser.add_argument("--port", type=int, default=8502, help="(default: %(default)s; 0: any that is free)")
    parser.add_argument(
        "--max-mb",
        type=_size,
        default=MAX_FILE_BYTES / 2**20,
        metavar="MB",
        help="largest picture (default: %(default)g)",
    )
    parser.add_argument(
        "--per-minute",
        type=_rate,
        default=120,
        metavar="N",
        help="requests of one client (default: %(default)s)",
    )
    return parser


def _size(text: str) -> float:
    value = float(text)
    if not 0 < value <= MAX_FILE_BYTES / 2**20:
        raise argparse.ArgumentTypeError(f"must be over 0 and at most {MAX_FILE_BYTES // 2**20}")
    return value


def _rate(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("must be a whole number over 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
