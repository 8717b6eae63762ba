"""``python -m detector.datasets scan``."""

import json

import pytest

from detector.datasets import __main__ as command
from detector.datasets.exclusions import EXCLUSION_LIST, exclusions


def test_json_holds_what_was_found(two_classes, capsys):
    (two_classes.root / "ai" / "broken.png").write_bytes(b"no picture")
    assert command.main(["scan", str(two_classes.root), "--json"]) == command.USABLE
    found = json.loads(capsys.readouterr().out)
    assert found["images"] == {"real": 10, "ai": 10} and found["layout"] == "class folders"
    assert [each["file"] for each in found["unreadable"]] == ["ai/broken.png"]
    assert found["formats"] == {"PNG": {"real": 1.0, "ai": 1.0}}
    assert found["audit"]["rows"] == 20 and found["duplicates"]["sets"] == 0
    assert set(found["spectra"]) == {"real", "ai"}
    assert sum(found["facts"]["width"]["ai"]) == pytest.approx(1)


def test_words_hold_the_same(two_classes, capsys):
    assert command.main(["scan", str(two_classes.root)]) == command.USABLE
    said = capsys.readouterr().out
    assert "class folders, 20 images, 10 AI-generated, 10 real" in said and "Duplicates: none." in said


def test_the_exclusion_list_is_written_and_understood(two_classes, tmp_path, capsys):
    (two_classes.root / "ai" / "broken.png").write_bytes(b"no picture")
    path = tmp_path / EXCLUSION_LIST
    assert command.main(["scan", str(two_classes.root), "--write-exclusions", str(path)]) == command.USABLE
    assert list(exclusions(tmp_path).reasons) == ["ai/broken.png"]
    assert command.main(["scan", str(two_classes.root), "--exclude", str(path), "--json"]) == command.USABLE
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["unreadable"] == [] and found["excluded"] == 1


def test_what_cannot_be_trained_on_has_a_status_of_its_own(make, capsys):
    make("real", 5)
    assert command.main(["scan", str(make.root), "--json"]) == command.UNUSABLE
    assert json.loads(capsys.readouterr().out)["cannot_train"].startswith("All images found are real")


def test_a_folder_that_is_no_dataset_gets_a_sentence(tmp_path, capsys):
    assert command.main(["scan", str(tmp_path)]) == command.FAILED
    assert capsys.readouterr().err.startswith("error: There are no images in")
