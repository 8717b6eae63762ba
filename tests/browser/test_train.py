"""The Train page in Chromium: a real run from Start to the model on Classify, and a log that grows while
somebody looks."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import psutil
import pytest

from tests.support.run_folders import make_run
from train import runs

ROOT = Path(__file__).parents[2]
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("train") / "runs"


@pytest.fixture(scope="module")
def weights(tiny_bundle, tmp_path_factory) -> Path:
    """A folder of models that a test may write to."""
    folder = tmp_path_factory.mktemp("weights")
    shutil.copytree(tiny_bundle, folder / "tiny")
    return folder


@pytest.fixture(scope="module")
def no_run_is_left(folder):
    yield
    for run in runs.all_runs(folder):
        if run.id in ("survivor", "my-first") and "stop" in run.actions:
            runs.stop(run.id, folder)


@pytest.fixture
def process():
    """The number of a living process, to stand for the training of a run made by hand."""
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    yield sleeper.pid
    sleeper.kill()
    sleeper.wait()


class Page:
    """The Train page in a browser tab, as its user works it."""

    def __init__(self, tab, url: str):
        self.tab, self.url = tab, url
        self.log = tab.locator(".telltale-log").first

    def open(self, **query: str) -> Page:
        self.tab.goto(f"{self.url}/train?{urlencode(query)}")
        return self

    def press(self, name: str) -> None:
        self.tab.get_by_role("button", name=name, exact=True).last.click()

    def says(self, text: str) -> None:
        self.tab.get_by_text(text).first.wait_for()

    def enter(self, label: str, value: str) -> None:
        field = self.tab.get_by_label(label, exact=True)
        field.fill(value)
        field.press("Enter")

    def logs(self, text: str | re.Pattern) -> None:
        self.log.locator("div", has_text=text).first.wait_for(state="attached")

    def badge(self, state: str) -> None:
        self.tab.locator(".stMarkdownBadge", has_text=state).first.wait_for()


@pytest.fixture
def train(app_server, open_page, folder, weights, no_run_is_left):
    """``train(viewport=...) -> Page``, not yet opened."""

    def one(**options) -> Page:
        url = app_server(ROOT / "streamlit_app.py", TELLTALE_RUNS=str(folder), TELLTALE_WEIGHTS=str(weights))
        return Page(open_page(**options), url)

    return one


@pytest.fixture(scope="module")
def app_again(tmp_path_factory):
    """``app_again(url)``: SIGKILL the app that serves it and whatever it has started as its own, and start
    it anew at the same address."""
    started, log_path = [], tmp_path_factory.mktemp("again") / "app.log"

    def again(url: str) -> None:
        port = f"--server.port={urlsplit(url).port}"
        server = next(
            process for process in psutil.process_iter(["cmdline"]) if port in (process.info["cmdline"] or ())
        )
        command, environment = server.cmdline(), server.environ()
        os.killpg(server.pid, signal.SIGKILL)
        psutil.wait_procs([server], timeout=10)
        with log_path.open("w") as log:
            started.append(
                subprocess.Popen(
                    command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
                )
            )
        for _ in range(600):
            try:
                return urlopen(f"{url}/_stcore/health", timeout=5).close()
            except OSError:
                time.sleep(0.2)
        raise AssertionError(log_path.read_text())

    yield again
    for process in started:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_run_outlives_the_app_and_an_open_page_finds_it_again(train, folder, app_again):
    page = train().open()
    page.press("Make a practice set")
    page.says("This is a practice set")
    page.enter("Epochs, frozen stage", "0")
    page.says("frozen.epochs=0")
    page.enter("Epochs, fine-tuning", "500")
    page.says("finetune.epochs=500")
    page.enter("Name of the run", "survivor")
    page.says("/survivor")
    page.press("Start")
    page.tab.wait_for_url("**/train?run=survivor")
    page.logs("trainable weights")
    app_again(page.url)
    epoch = runs.find("survivor", folder).progress.get("epoch", 1)
    page.logs(re.compile(rf"epoch {epoch + 1}\b"))  # written since; nobody has touched the tab
    page.press("Stop")
    page.badge("Stopped")
    assert runs.find("survivor", folder).state == "stopped"


def test_a_run_from_start_to_classify(train, folder):
    page = train().open()
    page.press("Make a practice set")
    page.says("This is a practice set")
    for label, setting, value in (
        ("Epochs, frozen stage", "frozen.epochs", "0"),
        ("Epochs, fine-tuning", "finetune.epochs", "39"),
        ("Images per epoch (0: all)", "sampling.images_per_epoch", "160"),
    ):
        page.enter(label, value)
        page.says(f"{setting}={value}")
    page.enter("Name of the run", "my-first")
    page.says("/my-first")
    page.press("Start")
    page.tab.wait_for_url("**/train?run=my-first")
    other = train().open(run="my-first")
    other.badge("Running")
    page.logs("trainable weights")

    page.tab.reload()
    page.badge("Running")
    page.press("Stop")
    other.badge("Stopped")  # without anybody touching that tab
    assert runs.find("my-first", folder).state == "stopped"

    page.press("Resume")
    page.logs("Resuming in stage finetune")
    page.badge("Completed")
    page.press("Open on Evaluate")
    page.tab.wait_for_url("**/evaluate?models=run+my-first")
    page.says("Practice model")  # no other model here is one

    page.open(run="my-first").press("Promote")
    page.enter("Name of the model", "practised")
    page.press("Promote")
    page.says("practised is promoted")
    page.tab.goto(page.url)
    page.says("Practice model")
    assert page.tab.get_by_role("combobox", name="Model").input_value() == "practised"
    page.press("Try the flower")
    page.tab.get_by_test_id("verdict").wait_for()


def test_a_line_shows_without_a_reload_and_markup_in_it_does_nothing(train, folder, process):
    run = make_run(folder, "growing", "running", pid=process, log="the first line\n")
    page = train().open(run="growing")
    page.logs("the first line")
    hostile = '<img src="x" onerror="window.harmed=1"><script>window.harmed=1</script> **bold** [a](http://b)'
    with open(run / "train.log", "a") as log:
        log.write(f"\x1b[31mred\x1b[0m {hostile}\n")
    page.logs("red")
    assert page.log.locator("div").last.inner_text() == f"red {hostile}"
    assert (
        page.log.locator("img, script, b, strong, a").count() == 0
        and page.tab.evaluate("window.harmed") is None
    )


def test_a_reader_who_scrolled_up_is_left_alone_until_following_again(train, folder, process):
    run = make_run(
        folder, "long", "running", pid=process, log="".join(f"line {number}\n" for number in range(250))
    )
    page = train().open(run="long")
    page.logs("line 249")
    end = "log => log.scrollHeight - log.scrollTop - log.clientHeight"
    assert page.log.evaluate(end) < 5
    page.log.hover()
    page.tab.mouse.wheel(0, -2000)
    page.tab.get_by_role("button", name="Follow").wait_for()
    place = page.log.evaluate("log => log.scrollTop")
    with open(run / "train.log", "a") as log:
        log.write("the newest line\n")
    page.logs("the newest line")
    assert page.log.evaluate("log => log.scrollTop") == place
    page.press("Follow")
    assert page.log.evaluate(end) < 5


def test_a_text_is_found_anywhere_in_a_large_log(train, folder):
    lines = "".join(f"{number} of many lines that are all alike\n" for number in range(300_000))
    make_run(folder, "large", "completed", log=f"an early Needle\n{lines}")
    page = train().open(run="large")
    page.logs("299999 of many")
    assert page.log.locator("div").count() < 400  # however long the log
    page.enter("Find in the whole log", "needle")
    page.tab.locator("mark", has_text="Needle").wait_for()


def test_a_phone_needs_no_sideways_scrolling(train, folder):
    make_run(folder, "small", "failed", log="x" * 500, reason="It is long. " * 20)
    page = train(viewport=PHONE).open(run="small")
    page.logs("xxx")
    assert page.tab.evaluate("document.documentElement.scrollWidth") <= PHONE["width"] + 1
