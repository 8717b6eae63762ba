"""The benchmark of runs measures what it should; how quick anything is does not matter here. Kills real
trainings on the way."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks import runs
from benchmarks.live_page import line_delays, train_rates
from benchmarks.runs import FIGURES, Effort
from tests.support.app_in_browser import NoBrowser

pytestmark = pytest.mark.timeout(900)
SMALL = Effort(
    stand_ins=2,
    real=2,
    real_runs=1,
    recipe="tiny-attention",
    input_pipeline=("--pictures=20", "--batch=4", "--steps=1", "--rounds=1"),
)
KILLS = {"kills": 150, "kills_of_real_trainings": 12, "false_states": 0, "lost_runs": 0}


def elsewhere(work, *arguments, **named):
    """What ``work`` returns in a thread of its own: the browser tests may have Playwright running in this
    one, which takes no second."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work, *arguments, **named).result()


def test_real_trainings_that_were_killed_read_true_and_resume(tmp_path):
    measured = runs.kills(tmp_path, SMALL, seed=0)
    assert measured["kills"] >= 4 and measured["kills_of_real_trainings"] >= 2
    assert (measured["false_states"], measured["lost_runs"]) == (0, 0)


def test_the_input_pipeline_is_measured_in_both_stages():
    measured = runs.input_rates(SMALL)
    assert measured.keys() == {name for name in FIGURES if name.startswith("input_rate_ratio")} | {
        "images_per_second"
    }
    assert all(rate > 0 for rate in measured.values())


def test_training_is_measured_with_the_page_open_and_alone(tmp_path):
    try:
        rates = elsewhere(train_rates, tmp_path, 1, 1.0, "tiny-attention")
    except NoBrowser as reason:
        pytest.skip(str(reason))
    assert {name: len(found) for name, found in rates.items()} == dict.fromkeys(
        ("alone", "page", "cores", "app_cores"), 1
    )
    assert min(*rates["alone"], *rates["page"]) > 0
    (app,), (both,) = rates["app_cores"], rates["cores"]
    assert 0 <= app <= both  # within a second, on a busy machine, the app may have had no turn


def test_lines_are_waited_for_on_the_page(tmp_path):
    try:
        delays = elsewhere(line_delays, tmp_path, 2, long_log=True)
    except NoBrowser as reason:
        pytest.skip(str(reason))
    assert len(delays) == 2 and all(0 < delay < 60 for delay in delays)


def test_it_prints_one_object_with_every_figure(monkeypatch, capsys):
    page = dict.fromkeys(
        (
            "train_rate_ratio",
            "page_cores",
            "app_cores",
            "line_to_screen_s",
            "line_to_screen_median_s",
            "line_to_screen_long_log_s",
        )
    )
    rates = dict.fromkeys([name for name in FIGURES if name not in page and name not in KILLS], 0.5)
    for part, figures in (("kills", KILLS), ("input_rates", rates), ("page", page)):
        monkeypatch.setattr(runs, part, lambda *_, figures=figures: figures)
    assert runs.main(["--json", "--quick"]) == 0
    assert json.loads(capsys.readouterr().out) == KILLS | rates | page
    assert runs.main([]) == 0
    text = capsys.readouterr().out
    assert (
        len(text.splitlines()) == len(FIGURES)
        and "goal: 0.98" in text
        and text.splitlines()[0].endswith(" 150")
    )
