"""The application: a picture comes in as the body of a request, the command line's JSON goes out.

Whoever sends is a stranger: nothing is read that is too large or too slow, few pictures are in memory at
once, and whatever goes wrong is a sentence under ``error`` with the status that fits.
"""

from __future__ import annotations

import asyncio
import math

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from detector.classifier import Classifier
from detector.perturbation_test import judge_perturbed_copies
from detector.provenance import file_facts
from detector.records import record
from detector.serve.openapi import HEALTH, JUDGE, OPENAPI, description, page
from detector.serve.rate_limit import RateLimit

MOST_AT_ONCE = 4
"""Pictures that are being received, decoded or judged; the others are told to come back."""
BODY_SECONDS = 60.0
"""In which a picture must have arrived."""


def application(
    classifier: Classifier, max_bytes: int, per_minute: int, hosts: list[str] | None = None
) -> Starlette:
    """The ASGI application. max_bytes: of a picture. per_minute: requests of one client. hosts: names under
    which it may be asked, so that no web page gets at it under a name of its own; None for any."""
    document = description(max_bytes)
    judge = Judge(classifier, max_bytes, RateLimit(per_minute))

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok", "bundle": classifier.bundle.name})

    async def openapi(request: Request) -> Response:
        return JSONResponse(document)

    async def about(request: Request) -> Response:
        return HTMLResponse(page(document, str(request.base_url)))

    routes = [
        Route("/", about),
        Route(JUDGE, judge.respond, methods=["POST"]),
        Route(HEALTH, health),
        Route(OPENAPI, openapi),
    ]
    middleware = [Middleware(TrustedHostMiddleware, allowed_hosts=hosts)] if hosts else []
    handlers = {HTTPException: _failed, Exception: _broken}
    return Starlette(routes=routes, middleware=middleware, exception_handlers=handlers)  # type: ignore[arg-type]


class Judge:
    """Answers ``POST /judge``."""

    def __init__(self, classifier: Classifier, max_bytes: int, rate: RateLimit):
        self._classifier, self._max_bytes, self._rate = classifier, max_bytes, rate
        self._going = 0

    async def respond(self, request: Request) -> Response:
        """The record of the picture in the body. Raises HTTPException."""
        if seconds := self._rate.wait(request.client.host if request.client else ""):
            after = {"Retry-After": str(math.ceil(seconds))}
            raise HTTPException(
                429, f"Too many requests: {self._rate.per_minute} a minute are answered.", after
            )
        if self._going >= MOST_AT_ONCE:
            raise HTTPException(503, "Too many pictures are being judged; try again.", {"Retry-After": "1"})
        self._going += 1
        try:
            content = await self._body(request)
            quick = "quick" in request.query_params
            result = await run_in_threadpool(judged, self._classifier, content, quick)
        finally:
            self._going -= 1
        return JSONResponse(result, 200 if result["error"] is None else 422)

    async def _body(self, request: Request) -> bytes:
        if request.headers.get("content-type", "").startswith("multipart/"):
            raise HTTPException(
                415, "Send the file itself as the body, not a form: curl --data-binary @FILE."
            )
        claimed = request.headers.get("content-length", "")
        if claimed.isdecimal() and int(claimed) > self._max_bytes:
            raise self._too_large()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                content = await self._received(request)
        except TimeoutError:
            raise HTTPException(
                408, f"The picture did not arrive within {BODY_SECONDS:.0f} seconds."
            ) from None
        except ClientDisconnect:
            raise HTTPException(400, "The picture did not arrive whole.") from None
        if not content:
            raise HTTPException(400, "The request has no body: send the file's bytes.")
        return content

    async def _received(self, request: Request) -> bytes:
        pieces: list[bytes] = []
        size = 0
        async for piece in request.stream():
            size += len(piece)
            if size > self._max_bytes:
                raise self._too_large()
            pieces.append(piece)
        return b"".join(pieces)

    def _too_large(self) -> HTTPException:
        """Closes the connection: what is still on its way is not read."""
        limit = f"{self._max_bytes / 2**20:g} MB"
        return HTTPException(413, f"The picture is larger than {limit}.", {"Connection": "close"})


def judged(classifier: Classifier, content: bytes, quick: bool = False) -> dict:
    """What ``telltale --json`` prints of a file, given its bytes. quick: without damaged copies."""
    (result,) = classifier.analyse_files([content], workers=1)
    copies = None
    if result.analysis and not quick:
        copies, _ = judge_perturbed_copies(classifier, content, result.analysis)
    facts = file_facts(content)
    row = record(result, classifier.bundle, perturbed=copies, facts=facts, content=content)
    return {**row, "overlay": None}


async def _failed(request: Request, error: HTTPException) -> Response:
    return JSONResponse({"error": error.detail}, error.status_code, dict(error.headers or {}))


async def _broken(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "Something went wrong here; the server's log has it."}, 500)
