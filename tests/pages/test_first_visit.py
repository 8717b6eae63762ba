"""The first visitor of a fresh server, as the browser's messages have it. No browser is needed."""

from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Navigation_pb2 import Navigation
from websockets.sync.client import connect

from tests.support.app_in_browser import serving

ROOT = Path(__file__).parents[2]
ADDRESSES = ["", "evaluate", "data", "train", "how_it_works", "guess"]
PATIENCE = 60
"""Seconds until a server that says nothing fails its test."""


def first_messages(url: str, page: str) -> list[ForwardMsg]:
    """What a browser that opens ``page`` gets until the script has run."""
    hello = BackMsg()
    hello.rerun_script.page_name = page
    messages = []
    address = f"{url.replace('http', 'ws')}/_stcore/stream"
    with connect(address, subprotocols=["streamlit"], max_size=None) as socket:
        socket.send(hello.SerializeToString())
        while not messages or messages[-1].WhichOneof("type") != "script_finished":
            messages.append(ForwardMsg.FromString(socket.recv(PATIENCE)))
    return messages


@pytest.mark.parametrize("page", ADDRESSES)
def test_the_first_visitor_of_a_fresh_server_gets_the_page_with_the_apps_navigation(
    page, tiny_bundle, tmp_path
):
    log, weights = tmp_path / "log.txt", str(tiny_bundle.parent)
    with serving(ROOT / "streamlit_app.py", log, TELLTALE_WEIGHTS=weights) as url:
        messages = first_messages(url, page)
    kinds = [message.WhichOneof("type") for message in messages]
    assert "page_not_found" not in kinds
    navigation = [message.navigation for message in messages if message.HasField("navigation")][-1]
    assert navigation.position == Navigation.Position.TOP
    assert [each.url_pathname for each in navigation.app_pages] == ADDRESSES
    opened = {each.page_script_hash: each.url_pathname for each in navigation.app_pages}
    assert opened[navigation.page_script_hash] == page
    exceptions = [message for message in messages if message.delta.new_element.HasField("exception")]
    assert exceptions == []
