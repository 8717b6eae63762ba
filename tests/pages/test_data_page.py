"""The Data page, run by Streamlit's AppTest on tiny datasets with planted faults. What needs a browser:
tests/browser/test_data.py."""

import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from detector.datasets import load_dataset
from detector.datasets.dataset_scan import CHECKING, scan_dataset
from detector.datasets.exclusions import EXCLUSION_LIST
from detector.datasets.manifests import manifest_csv
from detector.datasets.scan_summary import to_json
from pages.data import scan_report
from tests.datasets.making import Maker, picture
from tests.support.page_words import checked, said
from ui import scan_job, waiting

ROOT = Path(__file__).parents[2]
PAGE = str(ROOT / "pages" / "data" / "page.py")
HOSTILE = "<script>alert(1)<:script> **[x](http:)** :material:home: $x$"
TABS = ("Counts", "Shortcuts", "Facts", "Pictures", "Spectrum", "Duplicates", "Leave out", "Take away")


@pytest.fixture
def planted(tmp_path):
    """Two classes in three splits, with a broken file, a leak, and one picture under both labels; the
    AI-generated ones are square."""
    make = Maker(tmp_path / "pictures")
    for split in ("train", "val", "test"):
        make(f"{split}/real", 12)
        for _ in range(12):
            make.seed += 1
            make.save(f"{split}/ai/{make.seed:04d}.png", picture(make.seed, (64, 64)))
    make.save("train/real/leak.jpg", picture(49), quality=70)  # of test/real/0049.png
    make.save("train/ai/same.png", picture(1))  # = train/real/0001.png
    (make.root / "val" / "ai" / "broken.png").write_bytes(b"no picture")
    return make.root


@pytest.fixture
def open_page(monkeypatch, tmp_path):
    """``open_page(folder, tab)``: the page with that folder typed and that tab open."""
    monkeypatch.setenv("TELLTALE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TELLTALE_READONLY", raising=False)
    monkeypatch.setattr(scan_job, "QUICK_SECONDS", 60.0)  # a busy machine shows what a quiet one does
    monkeypatch.setattr(waiting, "QUICK_SECONDS", 60.0)

    def run(folder: object = "", tab: str = "Counts") -> AppTest:
        page = AppTest.from_file(PAGE, default_timeout=120)
        page.session_state["data_folder"] = str(folder)
        page.session_state["data_tab"] = tab
        return checked(page.run())

    return run


def shown_html(page: AppTest) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


# ---- opening, and what will not do


def test_the_page_loads_neither_tensorflow_nor_scikit_learn():
    code = (
        "import sys; import train.runs; from streamlit.testing.v1 import AppTest;"
        "page = AppTest.from_file('pages/data/page.py', default_timeout=90).run(); assert not page.exception;"
        "print([name for name in ('tensorflow', 'keras', 'sklearn') if name in sys.modules])"
    )
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert process.stdout.strip() == "[]", process.stderr


def test_without_a_folder_the_page_says_what_it_is_for(open_page):
    assert "Name a dataset" in open_page().info[0].value


@pytest.mark.parametrize("typed", ["/no/such/folder", "\0", "~nobody-of-that-name/x", HOSTILE, "/dev/null"])
def test_a_folder_that_will_not_do_gets_a_sentence(open_page, typed):
    page = open_page(typed)
    assert len(page.error) == 1 and not page.tabs and "<script>" not in page.error[0].value


def test_ten_classes_get_a_sentence_that_names_them(open_page, tmp_path):
    make = Maker(tmp_path / "classes")
    for name in "abcdefghij":
        make(f"thing-{name}", 1)
    assert "and 2 more" in open_page(make.root).error[0].value


# ---- what is shown


def test_every_tab_shows_the_planted_dataset_without_a_fault(open_page, planted):
    page = open_page(planted)
    for tab in TABS:
        page.session_state["data_tab"] = tab
        checked(page.run())
    metrics = {metric.label: metric.value for metric in page.metric}
    assert (metrics["AI-generated"], metrics["Real"], metrics["Unusable files"]) == ("37", "37", "1")
    assert metrics["Duplicates"] == "4"


def test_what_was_planted_is_said_above_everything(open_page, planted):
    text = said(open_page(planted))
    assert "2 pictures are here under both labels" in text
    assert "1 image has a near\\-duplicate" in text
    assert "1 file cannot be used and will be left out" in text
    assert "A ruler tells the classes apart" in text


def test_the_shortcut_is_told_in_words(open_page, planted):
    page = open_page(planted, "Shortcuts")
    assert "97% of AI\\-generated images are square; 0% of real ones are" in said(page)


def test_duplicates_are_side_by_side_with_class_split_and_path(open_page, planted):
    shown = shown_html(open_page(planted, "Duplicates"))
    assert "The same to the pixel" in shown and shown.count("<img") == 2
    assert "real · train · train/real/0001.png" in shown
    assert "AI-generated · train · train/ai/same.png" in shown


def test_a_contact_sheet_shows_one_source_and_class(open_page, tmp_path):
    make = Maker(tmp_path / "sourced")
    for source in ("a", "b"):
        make(f"{source}/ai", 5)
        make(f"{source}/real", 5)
    page = open_page(make.root, "Pictures")
    assert shown_html(page).count("<img") == 20
    page.selectbox(key="data_source").set_value("b").run()
    shown = shown_html(checked(page))
    assert shown.count("<img") == 10 and 'alt="b/ai/' in shown and 'alt="a/ai/' not in shown


def test_names_of_files_never_become_markup(open_page, tmp_path):
    make = Maker(tmp_path / "hostile")
    make("ai", 10)
    make("real", 10)
    make.save(f"ai/{HOSTILE}.png", picture(500))
    make.save(f"real/{HOSTILE}.png", picture(500))
    for tab in ("Pictures", "Duplicates", "Leave out"):
        page = open_page(make.root, tab)
        assert "<script>" not in shown_html(page) + said(page)
    scan = scan_dataset(make.root)
    assert "<script>alert" not in scan_report.html(scan, None, {}).split("</head>")[-1].replace(" ", "")


# ---- while it goes on


def test_a_scan_that_takes_long_shows_how_far_it_is_and_can_be_cancelled(open_page, planted, monkeypatch):
    told, real = threading.Event(), scan_job.scan_dataset

    def slow(folder, progress):
        while True:  # until the job says that nobody waits any more
            progress(CHECKING, 5, 20)
            told.set()
            threading.Event().wait(0.01)

    monkeypatch.setattr(scan_job, "scan_dataset", slow)
    monkeypatch.setattr(scan_job, "QUICK_SECONDS", 0.5)
    page = open_page(planted)
    assert told.wait(60) and page.get("progress")[0].proto.text.startswith("Checking pictures: 5 of 20")
    assert not page.tabs
    monkeypatch.setattr(scan_job, "QUICK_SECONDS", 60.0)
    page.button(key="scan_cancel").click().run()
    assert "The scan was cancelled" in said(checked(page.run()))
    monkeypatch.setattr(scan_job, "scan_dataset", real)
    page.button(key="scan_go_on").click().run()
    assert checked(page).metric[0].value == "37"


def test_a_scan_that_nobody_follows_ends_and_goes_on_once_somebody_does(open_page, planted, monkeypatch):
    ended, real = threading.Event(), scan_job.scan_dataset

    def slow(folder, progress):
        try:
            while True:
                progress(CHECKING, 5, 20)
                threading.Event().wait(0.01)
        finally:
            ended.set()

    monkeypatch.setattr(scan_job, "scan_dataset", slow)
    monkeypatch.setattr(scan_job, "QUICK_SECONDS", 0.5)
    page = open_page(planted)
    assert page.get("progress") and not ended.is_set()
    monkeypatch.setattr(scan_job, "ABANDONED", -1.0)
    assert ended.wait(60)
    monkeypatch.setattr(scan_job, "ABANDONED", 120.0)
    monkeypatch.setattr(scan_job, "QUICK_SECONDS", 60.0)
    monkeypatch.setattr(scan_job, "scan_dataset", real)
    assert checked(page.run()).metric[0].value == "37"


# ---- what can be done


def test_the_exclusion_list_is_saved_honoured_and_undone(open_page, planted):
    page = open_page(planted, "Leave out")
    page.button(key="save_exclusions").click().run()
    dataset = load_dataset(planted)
    assert not dataset.unreadable and not dataset.both_labels.count and not dataset.across_splits.count
    assert "is saved with the data" in said(checked(page))
    assert "4 images are left out already" in said(page)
    page.button(key="undo_exclusions").click().run()
    assert not (planted / EXCLUSION_LIST).exists() and "save_exclusions" in {each.key for each in page.button}


def test_what_is_not_ticked_is_not_on_the_list(open_page, planted):
    page = open_page(planted, "Leave out")
    page.checkbox(key="exclude_both labels").uncheck().run()
    page.button(key="save_exclusions").click().run()
    listed = [line.partition(",")[0] for line in (planted / EXCLUSION_LIST).read_text().splitlines()]
    assert listed == ["file", "val/ai/broken.png", "train/real/leak.jpg"]


def test_a_read_only_page_offers_the_list_and_writes_nothing(open_page, planted, monkeypatch):
    monkeypatch.setenv("TELLTALE_READONLY", "1")
    page = open_page(planted, "Leave out")
    assert "save_exclusions" not in {each.key for each in page.button}
    assert len(page.get("download_button")) == 1


def test_the_leak_free_manifest_trains_without_leaks(planted):
    scan = scan_dataset(planted)
    (planted / "manifest.csv").write_text(manifest_csv(scan.without_leaks.rows))
    dataset = load_dataset(planted)
    assert dataset.layout == "manifest" and dataset.across_splits.count == 0
    assert len(dataset.rows) == 73 and dataset.notes == ()


def test_the_report_holds_everything_and_needs_no_network(planted):
    scan = scan_dataset(planted)
    report = scan_report.html(scan, scan.audit(), scan.spectra())
    for text in ("under both labels", "are square", "val/ai/broken.png", "The same to the pixel"):
        assert text in report
    assert report.count("data:image/jpeg;base64,") > 20
    without_scripts = re.sub("<script.*?</script>", "", report, flags=re.DOTALL)
    assert "<script src" not in report and "http" not in without_scripts
    assert json.dumps(to_json(scan, scan.audit(), scan.spectra()))
