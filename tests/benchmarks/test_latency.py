"""The benchmarks run and say what they should; how quick anything is does not matter here."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import latency
from benchmarks.photographs import photograph
from benchmarks.timing import ratio, take_turns, timed

ROOT = Path(__file__).parents[2]
SLIDER = {"slider_ms", "slider_work_ms", "slider_messages"}
PAGES = {page.parent.name for page in (ROOT / "pages").glob("*/page.py")}


def test_tasks_take_turns_and_the_warm_up_is_forgotten():
    calls = []
    tasks = {name: lambda name=name: calls.append(name) or len(calls) for name in "abc"}
    seconds = take_turns(tasks, rounds=2, warm_up=1)
    assert calls == list("cababcbca")
    assert seconds == {"a": [4, 9], "b": [5, 7], "c": [6, 8]}


def test_ratio_is_the_median_over_rounds_not_the_ratio_of_medians():
    assert ratio({"a": [2, 30, 3], "b": [1, 10, 3]}, "a", "b") == 2


def test_timed_returns_seconds():
    assert 0 <= timed(lambda: None)() < 1


@pytest.mark.parametrize("megapixels", [0.7, 1.0])
def test_photographs_are_jpegs_of_the_size_asked_for_and_always_the_same(megapixels):
    content = photograph(3, megapixels)
    image = Image.open(io.BytesIO(content))
    assert image.format == "JPEG" and image.width * image.height == pytest.approx(megapixels * 1e6, rel=0.01)
    assert 1 < 8 * len(content) / (image.width * image.height) < 4  # bits a pixel
    assert content == photograph(3, megapixels) != photograph(5, megapixels)


@pytest.fixture(scope="module")
def figures(tiny_bundle) -> dict:
    command = [sys.executable, "-m", "benchmarks.latency", "--quick", "--json", "--bundle", str(tiny_bundle)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def test_latency_prints_one_object_with_every_ratio(figures):
    assert figures["bundle"] == "tiny"
    for field in latency.FIGURES.keys() - SLIDER:
        assert isinstance(figures[field], float) and figures[field] > 0, field
    assert figures["page_imports_over_empty"].keys() == PAGES
    assert max(figures["page_imports_over_empty"].values()) == figures["page_import_over_empty"]


def test_slider_is_measured_in_the_browser(figures):
    if not shutil.which("chromium"):
        pytest.skip("no chromium on this machine")
    assert "slider_problem" not in figures
    assert 0 < figures["slider_work_ms"] <= figures["slider_ms"] < 10_000
    assert figures["slider_messages"] == 0


def test_table_shows_every_figure_and_judges_those_with_goals(figures):
    missed = figures | {"folder_over_forward": 9.0, "analyse_over_forward": 1.0}
    lines = {line.split("  ")[0]: line for line in latency.table(missed).splitlines()}
    assert lines[latency.FIGURES["folder_over_forward"][0]].endswith("MISSED")
    assert lines[latency.FIGURES["analyse_over_forward"][0]].endswith("met")
    assert set(lines) >= {title for title, _ in latency.FIGURES.values()}


def test_without_a_browser_the_slider_is_none_and_the_table_says_why(figures, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    pytest.importorskip("playwright")
    nothing = latency.slider_moves(tmp_path, tmp_path / "log.txt", latency.QUICK)
    assert {nothing[field] for field in SLIDER} == {None}
    assert "There is no Chromium on this machine" in latency.table(figures | nothing)


def test_latency_refuses_a_bundle_that_is_not_there(capsys):
    assert latency.main(["--bundle", "no-such-model", "--json"]) == 2
    assert "no-such-model" in capsys.readouterr().err
