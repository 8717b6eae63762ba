"""How script runs are told from what comes over the page's WebSocket, and what is said of them."""

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks import triage
from tests.support import script_runs
from tests.support.script_runs import ScriptRuns


class Tab:
    """A page whose WebSocket a test speaks through."""

    def on(self, event, handler):
        if event == "websocket":
            handler(self)
        else:
            self.receive = handler


def message(kind: str) -> bytes:
    sent = ForwardMsg()
    if kind == "new_session":
        sent.new_session.name = "app"
    elif kind == "script_finished":
        sent.script_finished = ForwardMsg.ScriptFinishedStatus.FINISHED_SUCCESSFULLY
    else:
        sent.delta.new_element.text.body = "a"
    return sent.SerializeToString()


def test_a_run_lasts_from_its_first_message_to_the_one_that_says_it_is_finished(monkeypatch):
    clock = iter([1.0, 1.1, 1.25, 3.0, 3.5])
    monkeypatch.setattr(script_runs.time, "perf_counter", lambda: next(clock))
    tab = Tab()
    runs = ScriptRuns(tab)
    for kind in ("new_session", "delta", "script_finished", "script_finished", "new_session"):
        tab.receive(message(kind))
    assert [round(each) for each in runs.milliseconds] == [250]


def test_a_part_without_a_run_has_nothing_to_say_but_that():
    assert triage._Part([], 12.0).figures() == {"runs": 0}
    assert triage._Part([10.0, 30.4, 20.0], 12.3).figures() == {
        "runs": 3,
        "median_ms": 20,
        "longest_ms": 30,
        "processor_ms": 12,
    }
