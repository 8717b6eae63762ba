"""``python -m detector`` as people run it: real processes, real files."""

import csv
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from detector.__main__ import _printable, _say, main
from detector.captioned_overlay import MIN_WIDTH
from detector.command_line_files import Overlays
from detector.images import read_image
from detector.overlay import colour, overlay
from detector.perturbation_test import judge_perturbed_copies
from detector.records import record

ROOT = Path(__file__).parents[1]

UNDECODABLE = os.fsdecode(b"cool-\xff.jpg")
NASTY = "warm\n\x1b[31m.png"
FORMULA = "=cmd.png"


def command(*arguments, bundle: Path) -> list[str]:
    return [sys.executable, "-m", "detector", *map(str, arguments), "--bundle", str(bundle)]


def run(*arguments, bundle="nobody", **options) -> subprocess.CompletedProcess:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("TF_CPP_MIN_LOG_LEVEL", "KERAS_BACKEND")
    }
    return subprocess.run(
        command(*arguments, bundle=bundle),
        cwd=ROOT,
        capture_output=True,
        env=environment,
        timeout=240,
        **options,
    )


@pytest.fixture(scope="module")
def many(tmp_path_factory, photo) -> Path:
    """A folder of 2000 links to one photo: more output than a pipe holds, so whoever does not read it
    stops the process."""
    folder = tmp_path_factory.mktemp("many")
    Image.fromarray(photo("warm")).save(folder / "0.png")
    for number in range(1, 2000):
        (folder / f"{number}.png").hardlink_to(folder / "0.png")
    return folder


@pytest.fixture(scope="module")
def mixed(tmp_path_factory, photo_folder) -> Path:
    """A folder of good photos, photos with trying names, and files that are no photos."""
    folder = tmp_path_factory.mktemp("mixed") / "mixed"
    shutil.copytree(photo_folder, folder)
    (folder / "again").mkdir()
    shutil.copy(folder / "warm.png", folder / "again" / "warm.png")
    shutil.copy(folder / "cool.jpg", folder / "warm.jpg")  # the same stem once more
    shutil.copy(folder / "cool.jpg", folder / UNDECODABLE)
    shutil.copy(folder / "warm.png", folder / NASTY)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (folder / "notes.txt").write_text("not asked for")
    return folder


@pytest.fixture(scope="module")
def told(mixed, tiny_bundle, tmp_path_factory):
    """One run over the mixed folder and a file by name, for people, with a table and overlays: (process,
    folder of outputs)."""
    outputs = tmp_path_factory.mktemp("outputs")
    shutil.copy(mixed / "warm.png", outputs / FORMULA)
    arguments = [
        mixed,
        FORMULA,
        "--csv",
        outputs / "results.csv",
        "--overlay",
        outputs / "heat" / "maps",
        "--opacity",
        "1",
        "--colormap",
        "viridis",
        "--report",
        outputs / "report.html",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("TF_CPP_MIN_LOG_LEVEL")
    environment["KERAS_BACKEND"] = "jax"  # what a keras.json might say; the classifier needs TensorFlow
    process = subprocess.run(
        command(*arguments, bundle=tiny_bundle),
        cwd=outputs,
        capture_output=True,
        env=environment,
        timeout=240,
    )
    return process, outputs


@pytest.fixture(scope="module")
def lines(told) -> list[str]:
    return told[0].stdout.decode().splitlines()


@pytest.fixture(scope="module")
def table(told) -> dict[str, dict[str, str]]:
    """The CSV file's rows by file name."""
    with open(told[1] / "results.csv", newline="", encoding="utf-8") as file:
        return {Path(row["path"]).name: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def objects(mixed, tiny_bundle):
    """One ``--json`` run over the mixed folder with its standard error on a terminal: (objects by file
    name, what the terminal got, status)."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        command(mixed, "--json", bundle=tiny_bundle), cwd=ROOT, stdout=subprocess.PIPE, stderr=slave
    ) as process:
        os.close(slave)
        output, terminal = process.stdout.read(), b""
        try:
            while part := os.read(master, 65536):
                terminal += part
        except OSError:  # Linux reports the closed terminal this way
            pass
    os.close(master)
    found = [json.loads(line) for line in output.decode("ascii").splitlines()]
    return {os.path.basename(one["path"]): one for one in found}, terminal.decode(), process.returncode


# ---- for people


def test_one_line_per_image_that_could_be_read(lines):
    assert len(lines) == 8


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("mixed/warm.png", r"AI-generated +P\(AI\) +95\.\d% +"),
        ("mixed/cool.jpg", r"real +P\(AI\) +4\.\d% +"),
        ("mixed/mixed.png", r"unsure +P\(AI\) +\d\d\.\d% +"),
    ],
)
def test_line_says_verdict_and_probability_and_nothing_of_attention(lines, name, line):
    assert any(re.fullmatch(line + ".*" + re.escape(name), one) for one in lines), lines


def test_files_come_in_order_of_their_names(lines):
    names = [line.rsplit("/", 1)[-1] for line in lines]
    assert (
        names[0].endswith("warm.png")
        and "/again/" in lines[0]
        and names[1:3] == ["cool-\\udcff.jpg", "cool.jpg"]
        and names[-1].endswith(FORMULA)
    )


def test_file_name_cannot_steer_the_terminal(told):
    process, _ = told
    assert b"\x1b" not in process.stdout + process.stderr and rb"warm\n\x1b[31m.png" in process.stdout


def test_file_name_that_is_no_utf8_is_shown_escaped(lines):
    assert any(line.endswith(r"cool-\udcff.jpg") for line in lines)


def test_unreadable_file_is_reported_on_standard_error(told, lines):
    assert re.search(rb"broken\.jpg: This image file is damaged", told[0].stderr) and not any(
        "broken" in line for line in lines
    )


def test_notes_are_on_standard_error(told):
    assert re.search(rb"mixed\.png: Small picture \(60 x 60 pixels\)", told[0].stderr)


def test_nothing_else_spoils_the_terminal(told):
    errors = told[0].stderr.decode().splitlines()
    expected = ("Small picture", "broken.jpg", "damage: verdict stays")
    assert [line for line in errors if not any(words in line for words in expected)] == []


def test_status_is_1_when_some_file_could_not_be_read(told):
    assert told[0].returncode == 1


# ---- the table


def test_table_has_a_row_for_every_file_even_unreadable_ones(table):
    assert len(table) == 8  # two files are called warm.png
    assert (
        table["broken.jpg"]["error"].startswith("This image file is damaged")
        and table["broken.jpg"]["verdict"] == ""
    )


def test_table_has_the_figures(table):
    row = table["cool.jpg"]
    assert (row["verdict"], row["diffuse"], row["width"], row["height"], row["bundle"]) == (
        "real",
        "True",
        "200",
        "300",
        "tiny",
    )
    assert float(row["logit"]) == pytest.approx(-6, abs=0.2) and float(row["y_score"]) == pytest.approx(
        0.047, abs=0.01
    )


def test_name_like_a_formula_stays_text(told):
    assert f"\n'{FORMULA}," in (told[1] / "results.csv").read_text("utf-8")


def test_nothing_temporary_is_left(told):
    assert sorted(path.name for path in told[1].iterdir()) == [
        FORMULA,
        "heat",
        "report.html",
        "results.csv",
    ]


# ---- overlays


def test_every_readable_file_has_an_overlay_of_its_own(told):
    names = {path.name for path in (told[1] / "heat" / "maps").iterdir()}
    assert (
        len(names) == 8
        and {"warm-heatmap.png", "warm-heatmap-2.png", "warm-heatmap-3.png", "cool-heatmap.png"} <= names
    )


def test_overlay_is_drawn_as_asked(told, table, photo_folder, classifier):
    drawn = np.asarray(Image.open(told[1] / table["cool.jpg"]["overlay"]))
    read = read_image(photo_folder / "cool.jpg")
    analysis = classifier.analyse(read)
    expected = overlay(read.pixels, analysis.heatmap, analysis.region, 1, "viridis")
    left = (MIN_WIDTH - 200) // 2  # a picture narrower than its caption stands in the middle
    photo = drawn[:300, left : left + 200].astype(int)
    assert np.abs(photo - expected).max() <= 8  # a batch may round another way
    middle = colour(analysis.heatmap, 177, 177, "viridis")[88, 88]
    assert np.abs(photo[150, 100] - middle).max() <= 8


def test_the_report_holds_every_image_of_the_run_and_what_the_table_says(told, table):
    report = (told[1] / "report.html").read_text("utf-8")
    assert report.count("<article") == len(table) + 1  # two files are called warm.png
    row = table["cool.jpg"]
    assert row["sha256"] in report and f"{float(row['y_score']):.4f}" in report
    assert "cut off and part of the picture is missing" in report or "damaged" in report


def test_overlay_never_replaces_a_photo_of_the_run(tmp_path):
    overlays = Overlays(str(tmp_path), [tmp_path / "Cat-heatmap.png", tmp_path / "cat.jpg"], None, None)
    assert [overlays._name("cat"), overlays._name("cat")] == ["cat-heatmap-2.png", "cat-heatmap-3.png"]


def test_overlay_of_a_long_name_fits_the_file_system(tmp_path):
    name = Overlays(str(tmp_path), [], None, None)._name("é" * 125)
    assert name.startswith("é" * 100 + "-heatmap") and len(os.fsencode(name)) < 255


# ---- JSON


def test_json_is_one_object_per_file(objects):
    found, _, _ = objects
    assert len(found) == 7 and found["warm.png"]["verdict"] == "ai"  # both files called warm.png


def test_json_object_has_all_fields(objects, tiny_bundle):
    one = objects[0]["mixed.png"]
    assert list(one) == [
        "path",
        "sha256",
        "date",
        "verdict",
        "final_verdict",
        "turned_by",
        "ordinary_copies",
        "agreeing_copies",
        "y_score",
        "unseen_share_ai",
        "logit",
        "threshold",
        "unsure_low",
        "unsure_high",
        "attention_peak",
        "diffuse",
        "width",
        "height",
        "notes",
        "file_says",
        "file_contradicts",
        "bundle",
        "weights_sha256",
        "precision",
        "error",
        "overlay",
    ]
    assert (
        one["verdict"] == "unsure"
        and one["threshold"] == 0.5
        and one["bundle"] == "tiny"
        and one["diffuse"] is True
    )
    assert (
        one["error"] is None
        and one["overlay"] is None
        and (one["width"], one["height"]) == (60, 60)
        and len(one["notes"]) == 1
    )
    assert one["weights_sha256"] == json.loads((tiny_bundle / "card.json").read_text())["weights_sha256"]


def test_json_score_is_the_calibrated_logit(objects):
    for one in objects[0].values():
        if one["error"] is None:
            assert one["y_score"] == pytest.approx(1 / (1 + np.exp(-one["logit"] / 2)))


def test_json_of_an_unreadable_file_has_its_error_and_no_verdict(objects):
    one = objects[0]["broken.jpg"]
    assert one["error"].startswith("This image file is damaged")
    assert [
        one[name] for name in ("verdict", "y_score", "logit", "attention_peak", "diffuse", "width", "height")
    ] == [None] * 7


def test_json_path_opens_the_file_whatever_its_name(objects):
    assert os.path.exists(objects[0][UNDECODABLE]["path"]) and os.path.exists(objects[0][NASTY]["path"])


def test_json_and_terminal_agree_on_the_status(objects):
    assert objects[2] == 1 and "broken.jpg: This image" in objects[1]


def test_progress_is_shown_on_a_terminal_and_wiped_at_the_end(objects):
    terminal = objects[1]
    assert "starting the model" in terminal and "8 of 8" in terminal and terminal.endswith("\r\x1b[K")


# ---- interruptions


def test_broken_pipe_ends_the_run_quietly(many, tiny_bundle):
    with subprocess.Popen(
        command(many, bundle=tiny_bundle), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        first = (
            process.stdout.readline()
        )  # it comes before the last file is read: the pipe cannot hold them all
        process.stdout.close()
        errors = process.stderr.read()
    assert b"AI-generated" in first and process.returncode == 141
    assert b"Traceback" not in errors and b"BrokenPipe" not in errors


def test_ctrl_c_ends_the_run_quietly_and_leaves_no_half_table(many, tiny_bundle, tmp_path):
    arguments = command(many, "--json", "--csv", tmp_path / "results.csv", bundle=tiny_bundle)
    heeding = partial(
        signal.signal, signal.SIGINT, signal.SIG_DFL
    )  # a test run in the background is born ignoring it
    with subprocess.Popen(
        arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heeding
    ) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 130 and b"Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


# ---- wrong usage: no network is needed to find out


def refusal(*arguments, bundle="nobody") -> str:
    """The last line of standard error of a run that is refused."""
    process = run(*arguments, bundle=bundle)
    assert process.returncode == 2 and process.stdout == b"" and b"Traceback" not in process.stderr
    return process.stderr.decode().splitlines()[-1]


def test_no_path_is_refused():
    assert "PATH" in refusal()


def test_missing_path_is_refused_before_anything_is_done(photo_folder):
    assert refusal(photo_folder, "no/such.jpg") == "error: There is no file or folder no/such.jpg"


def test_folder_without_images_is_refused(tmp_path):
    assert "There are no images in the folder" in refusal(tmp_path)


def test_unknown_bundle_is_refused(photo_folder):
    assert "There is no model called 'nobody'" in refusal(photo_folder)


def test_damaged_bundle_is_refused(photo_folder, spoilable_bundle):
    (spoilable_bundle / "model.weights.h5").write_bytes(b"")
    assert "SHA-256 differs" in refusal(photo_folder, bundle=spoilable_bundle)


def test_table_in_a_missing_folder_is_refused(photo_folder, tmp_path):
    assert "No such file or directory" in refusal(photo_folder, "--csv", tmp_path / "nothing" / "results.csv")


def test_table_over_a_photo_is_refused(photo_folder):
    before = (photo_folder / "warm.png").read_bytes()
    assert "would replace" in refusal("--csv", photo_folder / "warm.png", photo_folder / "cool.jpg")
    assert (photo_folder / "warm.png").read_bytes() == before


def test_table_over_a_folder_is_refused(photo_folder, tmp_path):
    assert "would replace" in refusal(photo_folder, "--csv", tmp_path)


def test_overlay_folder_that_is_a_file_is_refused(photo_folder):
    assert "File exists" in refusal(photo_folder, "--overlay", photo_folder / "warm.png")


@pytest.mark.parametrize("value", ["1.5", "-0.1", "nan", "half"])
def test_opacity_outside_0_to_1_is_refused(photo_folder, tmp_path, value):
    assert "must be from 0 (photo alone) to 1 (heatmap alone)" in refusal(
        photo_folder, "--overlay", tmp_path, f"--opacity={value}"
    )


def test_unknown_colormap_is_refused(photo_folder, tmp_path):
    assert "inferno" in refusal(photo_folder, "--overlay", tmp_path, "--colormap", "jet")


def test_overlay_options_without_overlays_are_refused(photo_folder):
    assert "need --overlay" in refusal(photo_folder, "--opacity", "0.5")


# ---- words


def test_printable_keeps_words_and_escapes_the_rest():
    assert _printable("Überblick 写真.jpg") == "Überblick 写真.jpg"
    assert _printable("a\r\n\t\x1b\x9b\u202e\udcff") == r"a\r\n\t\x1b\x9b\u202e\udcff"


# ---- the final verdict


def test_the_final_verdict_is_the_one_that_stands_ordinary_damage(photo_folder, tiny_bundle, capsys):
    assert main([str(photo_folder), "--bundle", str(tiny_bundle), "--json"]) == 0
    found = {
        os.path.basename(one["path"]): one for one in map(json.loads, capsys.readouterr().out.splitlines())
    }
    assert {
        name: (one["verdict"], one["final_verdict"], one["turned_by"]) for name, one in found.items()
    } == {
        "warm.png": ("ai", "ai", []),
        "cool.jpg": ("real", "real", []),
        "mixed.png": ("unsure", "unsure", []),
    }


def test_a_quick_look_has_no_final_verdict(photo_folder, tiny_bundle, capsys):
    arguments = [str(photo_folder / "warm.png"), "--bundle", str(tiny_bundle), "--json", "--quick"]
    assert main(arguments) == 0
    one = json.loads(capsys.readouterr().out)
    assert [one[name] for name in ("verdict", "final_verdict", "agreeing_copies")] == ["ai", None, None]


def test_a_verdict_that_some_copies_do_not_share_is_said_so(classifier, photo_folder, capsys):
    result = next(classifier.analyse_files([photo_folder / "warm.png"]))
    perturbed = [
        replace(copy, y_score=0.5) if copy.perturbation.name == "jpeg-70" else copy
        for copy in judge_perturbed_copies(classifier, result.path, result.analysis)[0]
    ]
    _say(record(result, classifier.bundle, perturbed=perturbed))
    said = capsys.readouterr()
    assert said.out.startswith("AI-generated ")
    assert "Only 4 of 5 copies with ordinary damage share this verdict." in said.err


def test_a_file_that_contradicts_its_pixels_is_told_without_changing_anything(
    tiny_bundle, photo, tmp_path, capsys
):
    settings = PngInfo()
    settings.add_text("parameters", "cat\nSteps: 20, Sampler: Euler, CFG scale: 7")
    Image.fromarray(photo("cool")).save(tmp_path / "cool.png", pnginfo=settings)
    assert main([str(tmp_path / "cool.png"), "--bundle", str(tiny_bundle)]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("real ")
    assert "The file says: Stable Diffusion settings. The pixels say: real." in said.err


def test_a_verdict_that_damage_turns_around_is_said_to_be_unsure_and_why(classifier, photo_folder, capsys):
    result = next(classifier.analyse_files([photo_folder / "warm.png"]))
    perturbed = [
        replace(copy, y_score=0.1) if copy.perturbation.name == "jpeg-70" else copy
        for copy in judge_perturbed_copies(classifier, result.path, result.analysis)[0]
    ]
    _say(record(result, classifier.bundle, perturbed=perturbed))
    said = capsys.readouterr()
    assert said.out.startswith("unsure ")
    assert "The model says AI-generated, but ordinary damage turns that around: jpeg-70." in said.err


# ---- report


@pytest.mark.parametrize("name", ["report.txt", "report"])
def test_a_report_of_another_format_is_refused(photo_folder, tmp_path, name):
    assert ".html or .pdf" in refusal(photo_folder, "--report", tmp_path / name)


def test_a_report_never_replaces_a_photo(photo_folder):
    assert "would replace" in refusal(photo_folder, "--report", photo_folder / "cool.jpg")


def test_a_method_without_anything_to_draw_is_refused(photo_folder):
    assert "--method needs" in refusal(photo_folder, "--method", "grad-cam")


def test_the_overlay_is_drawn_by_the_method_asked_for(photo_folder, tmp_path, tiny_bundle, capsys):
    arguments = [photo_folder / "cool.jpg", "--overlay", tmp_path, "--method", "grad-cam", "--opacity", "1"]
    assert main([*map(str, arguments), "--bundle", str(tiny_bundle)]) == 0
    drawn = np.asarray(Image.open(tmp_path / "cool-heatmap.png"))
    grad_cam = drawn_map(tiny_bundle, photo_folder / "cool.jpg", "grad-cam")
    rollout = drawn_map(tiny_bundle, photo_folder / "cool.jpg", "attention rollout")
    left = (MIN_WIDTH - 200) // 2
    photo = drawn[:300, left : left + 200].astype(int)
    assert np.abs(photo - grad_cam).max() <= 8 < np.abs(photo - rollout).max()


def drawn_map(bundle, path, method) -> np.ndarray:
    from detector.classifier import Classifier

    classifier = Classifier.load(bundle)
    photo = read_image(path)
    heatmap = classifier.explain(photo, method)
    return overlay(photo.pixels, heatmap, classifier.analyse(photo).region, 1)


def test_the_parts_are_judged_where_that_is_asked_for(photo_folder, tiny_bundle, capsys):
    words = [str(photo_folder), "--bundle", str(tiny_bundle), "--quick", "--parts", "--json"]
    assert main(words) == 0
    rows = {Path(row["path"]).name: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    parts = np.array(rows["cool.jpg"]["parts"])
    assert parts.shape == (8, 5) and (parts > 0).all() and (parts < 1).all()
    assert rows["mixed.png"]["parts"] is None  # 60 pixels wide: four parts of 36 find no room
    assert main(words[:-3]) == 0
    assert "parts" not in capsys.readouterr().out


def test_the_parts_in_words_say_where_the_ends_are(photo_folder, tiny_bundle, capsys):
    words = [str(photo_folder / "cool.jpg"), "--bundle", str(tiny_bundle), "--quick", "--parts"]
    assert main(words) == 0
    told = capsys.readouterr().out.splitlines()[1]
    assert re.fullmatch(
        r"    8 rows of 5 parts\. Most like AI-generated: row \d, column \d, .*; least: row .*", told
    )
    assert main([str(photo_folder / "mixed.png"), *words[1:]]) == 0
    assert "    Too small to be judged in parts." in capsys.readouterr().out


def test_the_parts_are_in_the_report(photo_folder, tiny_bundle, tmp_path):
    report = tmp_path / "report.html"
    words = [str(photo_folder / "cool.jpg"), "--bundle", str(tiny_bundle), "--parts"]
    assert main([*words, "--report", str(report)]) == 0
    assert "Part by part" in report.read_text("utf-8")
