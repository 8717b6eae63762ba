"""Streamlit's script runs as a browser sees them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

if TYPE_CHECKING:
    from playwright.sync_api import Page


class ScriptRuns:
    """Milliseconds that each script run took, in the order they ended, as seen from the browser."""

    def __init__(self, page: Page):
        self.milliseconds: list[float] = []
        self._begun: float | None = None
        page.on("websocket", lambda socket: socket.on("framereceived", self._take))

    def _take(self, frame: bytes | str) -> None:
        if isinstance(frame, str):
            return
        now = time.perf_counter()
        kind = ForwardMsg.FromString(frame).WhichOneof("type")
        if kind == "new_session":
            self._begun = now
        elif kind == "script_finished" and self._begun is not None:
            self.milliseconds.append(1000 * (now - self._begun))
            self._begun = None


def runs_asked_for(frames: Sequence[str | bytes]) -> int:
    """How many script runs a page's messages to the server ask for; those of its own clock do not count."""
    messages = [BackMsg.FromString(frame) for frame in frames if isinstance(frame, bytes)]
    asked = [message.rerun_script for message in messages if message.HasField("rerun_script")]
    return sum(not each.is_auto_rerun for each in asked)
