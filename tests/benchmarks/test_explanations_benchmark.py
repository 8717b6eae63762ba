"""The benchmark of explanation methods, on the tiny bundle: what it prints, what it writes, what it
remembers."""

import json
import shutil

import pytest

from benchmarks import explanations
from detector.bundle import read_bundle
from detector.explain import METHODS
from train import explanation_scores


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, photo_folder):
    """Four validation images, two of each class, one of which cannot be read, and one of each class for
    train and test."""
    root = tmp_path_factory.mktemp("dataset")
    rows = ["file,label,split"]
    files = [
        ("warm.png", "ai", "val"),
        ("mixed.png", "real", "val"),
        ("cool.jpg", "real", "val"),
        ("broken.png", "ai", "val"),
    ]
    files += [
        (f"{split}-{label}.png", label, split) for split in ("train", "test") for label in ("ai", "real")
    ]
    for name, label, split in files:
        shutil.copy(photo_folder / (name if (photo_folder / name).exists() else "warm.png"), root / name)
        rows.append(f"{name},{label},{split}")
    (root / "broken.png").write_bytes(b"no picture")
    (root / "manifest.csv").write_text("\n".join(rows))
    return root


@pytest.fixture
def run(spoilable_bundle, capsys):
    """``run(*arguments)``: (exit code, printed, complained)."""

    def run(*arguments):
        code = explanations.main(["--bundle", str(spoilable_bundle), *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_one_object_with_every_method_and_nothing_written(run, dataset, spoilable_bundle):
    before = (spoilable_bundle / "card.json").read_bytes()
    code, out, complained = run("--data", dataset, "--json")
    found = json.loads(out)
    assert code == 0 and found["images"] == 3 and "broken.png is left out" in complained
    assert set(found["methods"]) == set(METHODS) and found["default"] in METHODS
    for figures in found["methods"].values():
        low, high = figures["deletion_gain_interval"]
        assert (
            low <= figures["deletion_gain"] <= high
            and 0 <= figures["win_rate_over_random"] <= 1
            and figures["ms_per_map"] > 0
        )
    best = max(found["methods"].values(), key=lambda one: one["deletion_gain"] + one["insertion_gain"])
    assert found["methods"][found["default"]] == best
    assert (spoilable_bundle / "card.json").read_bytes() == before


def test_write_puts_it_into_the_card_and_leaves_the_rest(run, photo_folder, spoilable_bundle):
    before = dict(read_bundle(spoilable_bundle).card)
    code, out, _ = run("--folder", photo_folder, "--images", 2, "--write")
    bundle = read_bundle(spoilable_bundle)
    assert (
        code == 0 and bundle.explanations.images == 2 and f"Shown first: {bundle.explanations.default}" in out
    )
    assert {key: value for key, value in bundle.card.items() if key != "explanations"} == before


def test_write_without_pictures_of_ones_own_is_refused(run, spoilable_bundle):
    with pytest.raises(SystemExit):
        run("--write")
    assert "explanations" not in read_bundle(spoilable_bundle).card


def test_without_pictures_it_says_what_it_used_instead(run):
    code, out, _ = run("--images", 2)
    assert code == 0 and "2 crops of scikit-learn's two sample photographs" in out


def test_resume_measures_only_what_is_missing(run, photo_folder, tmp_path, monkeypatch):
    rows = tmp_path / "rows.jsonl"
    first = json.loads(run("--folder", photo_folder, "--resume", rows, "--json")[1])
    lines = rows.read_text().splitlines()
    assert len(lines) == 3
    rows.write_text("\n".join([lines[0], lines[1], lines[2][:40]]) + "\n")  # killed while writing
    measured = []
    score = explanation_scores.score
    monkeypatch.setattr(
        explanation_scores, "score", lambda *args, **named: measured.append(1) or score(*args, **named)
    )
    second = json.loads(run("--folder", photo_folder, "--resume", rows, "--json")[1])
    assert len(measured) == 1 and second["images"] == 3
    for name, figures in first["methods"].items():
        assert second["methods"][name]["deletion_gain"] == pytest.approx(figures["deletion_gain"], abs=1e-3)


def test_rows_of_other_weights_are_not_resumed(run, photo_folder, tmp_path):
    rows = tmp_path / "rows.jsonl"
    run("--folder", photo_folder, "--images", 1, "--resume", rows)
    stale = json.loads(rows.read_text())
    rows.write_text(json.dumps(stale | {"weights": "other"}) + "\n")
    run("--folder", photo_folder, "--images", 1, "--resume", rows)
    assert len(rows.read_text().splitlines()) == 2


@pytest.mark.parametrize("arguments", [("--data", "no/such/folder"), ("--folder", "no/such/folder")])
def test_what_is_wrong_is_said_in_a_sentence(run, arguments):
    code, out, complained = run(*arguments)
    assert code == 1 and out == "" and complained.strip().endswith(".") and "Traceback" not in complained


def test_a_model_that_was_replaced_meanwhile_is_not_written_to(
    run, photo_folder, spoilable_bundle, monkeypatch
):
    summarise = explanation_scores.summarise

    def replaced(*args):
        card = json.loads((spoilable_bundle / "card.json").read_text())
        (spoilable_bundle / "model.weights.h5").write_bytes(b"others")
        from detector.bundle import file_sha256

        (spoilable_bundle / "card.json").write_text(
            json.dumps(card | {"weights_sha256": file_sha256(spoilable_bundle / "model.weights.h5")})
        )
        return summarise(*args)

    monkeypatch.setattr(explanation_scores, "summarise", replaced)
    code, _, complained = run("--folder", photo_folder, "--images", 1, "--write")
    assert code == 1 and "replaced" in complained and "explanations" not in read_bundle(spoilable_bundle).card
