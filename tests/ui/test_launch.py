"""telltale-app: Streamlit with the app and its settings, whatever the current folder."""

from __future__ import annotations

import os
import sys

import pytest

from ui import launch


@pytest.fixture
def executed(monkeypatch, tmp_path):
    """What the process would become, with the environment it would have; nothing is started."""
    words: list[str] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TELLTALE_RUNS", raising=False)
    monkeypatch.setattr(sys, "argv", ["telltale-app", "--server.port", "8700"])
    monkeypatch.setattr(os, "execv", lambda program, arguments: words.extend([program, *arguments]))
    launch.main()
    yield words
    os.environ.pop("TELLTALE_RUNS", None)


def test_settings_become_flags_section_by_section():
    settings = {"server": {"showEmailPrompt": False, "maxUploadSize": 200}, "theme": {"light": {"x": "#fff"}}}
    assert list(launch.flattened(settings)) == [
        ("server.showEmailPrompt", "false"),
        ("server.maxUploadSize", "200"),
        ("theme.light.x", "#fff"),
    ]


def test_the_app_listens_on_this_machine_only():
    assert "--server.address=localhost" in launch.command([])


def test_the_app_is_found_whatever_the_current_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert launch.APP.is_absolute() and launch.APP.is_file()
    assert str(launch.APP) in launch.command([])


def test_words_typed_after_it_come_last_and_so_win():
    assert launch.command(["--server.address", "0.0.0.0"])[-2:] == ["--server.address", "0.0.0.0"]


def test_it_becomes_streamlit(executed):
    assert executed[:5] == [sys.executable, sys.executable, "-m", "streamlit", "run"]
    assert executed[-2:] == ["--server.port", "8700"]


def test_runs_are_kept_in_the_current_folder(executed, tmp_path):
    assert os.environ["TELLTALE_RUNS"] == str(tmp_path / "runs")


def test_streamlit_takes_every_flag():
    from streamlit import config

    known = config.get_config_options()
    flags = [word for word in launch.command([]) if word.startswith("--")]
    assert flags and {flag[2:].partition("=")[0] for flag in flags} <= known.keys()
