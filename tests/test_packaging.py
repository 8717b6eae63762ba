"""What `pip install .` installs: every file the rooms need, the model that ships, and the commands."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

from detector.bundle import CARD, DEFAULT_BUNDLE, PREDICTIONS, WEIGHTS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
INSTALLED = ("detector", "train", "ui", "pages")
BUILD = "from setuptools import build_meta; build_meta.build_wheel('wheels')"
MOST_BYTES = 40 * 2**20


def source_files(room: str) -> set[str]:
    """Everything in a room but what Python made of it, "ui/icon.png" for example."""
    paths = (ROOT / room).rglob("*")
    return {
        str(path.relative_to(ROOT)) for path in paths if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy, without a network: setuptools leaves things in the folder it builds in."""
    folder = tmp_path_factory.mktemp("telltale")
    unneeded = shutil.ignore_patterns("__pycache__")
    for room in INSTALLED:
        shutil.copytree(ROOT / room, folder / room, ignore=unneeded)
    shutil.copytree(ROOT / "weights" / DEFAULT_BUNDLE, folder / "weights" / DEFAULT_BUNDLE)
    (folder / "weights" / "promoted-here").mkdir()
    (folder / "weights" / "promoted-here" / CARD).write_text("{}")
    for name in ("streamlit_app.py", "pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, folder)
    process = subprocess.run([sys.executable, "-c", BUILD], cwd=folder, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    (built,) = (folder / "wheels").iterdir()
    return built


@pytest.fixture(scope="module")
def names(wheel) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize("room", INSTALLED)
def test_every_file_of_a_room_is_in_the_wheel(names, room):
    assert source_files(room) - names == set()


def test_the_model_that_ships_is_in_the_wheel_and_no_other(names):
    models = {name for name in names if name.startswith("weights/")}
    shipped = source_files(f"weights/{DEFAULT_BUNDLE}")
    of_use = ("/compiled/", "/.compiled.lock")  # in a checkout that was used
    shipped = {name for name in shipped if not any(part in name for part in of_use)}
    assert models == shipped
    assert {f"weights/{DEFAULT_BUNDLE}/{name}" for name in (CARD, WEIGHTS, PREDICTIONS)} <= shipped


def test_the_wheel_holds_nothing_else(names):
    kinds = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    assert kinds == {*INSTALLED, "weights", "streamlit_app.py"}


def test_the_wheel_stays_small(wheel):
    assert wheel.stat().st_size < MOST_BYTES


def test_types_travel_with_the_library(names):
    assert "detector/py.typed" in names


def test_licence_and_notice_travel_with_the_package(names):
    texts = {Path(name).name for name in names if ".dist-info/licenses/" in name}
    assert texts == {"LICENSE", "NOTICE"}


def test_settings_of_the_app_are_the_checkouts(wheel):
    with ZipFile(wheel) as archive:
        assert archive.read("ui/streamlit.toml") == (ROOT / ".streamlit" / "config.toml").read_bytes()


@pytest.mark.parametrize("command", PROJECT["project"]["scripts"])
def test_every_command_has_a_function_to_call(command):
    module, _, function = PROJECT["project"]["scripts"][command].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_requirements_and_package_ask_for_the_same():
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    required = [line for line in lines if line and not line.startswith("#")]
    assert sorted(required) == sorted(PROJECT["project"]["dependencies"])


def test_model_is_looked_for_beside_the_packages(wheel, tmp_path):
    """In a folder that holds nothing but what was installed, and from another one."""
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with ZipFile(wheel) as archive:
        archive.extractall(site)
    code = "from detector import find_bundle, read_bundle; print(read_bundle(find_bundle()).path)"
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=elsewhere,
        env={"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
    )
    assert process.stdout.strip() == str(site / "weights" / DEFAULT_BUNDLE), process.stderr
