"""The Train page, run by Streamlit's AppTest on run directories made by hand. Real runs and what needs a
browser: tests/browser/test_train.py."""

import json
import shlex
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from detector import promotion
from detector.architectures import ARCHITECTURES
from detector.bundle import default_bundle
from detector.datasets.dataset_scan import CHECKING
from detector.evaluation.predictions import Predictions, read_predictions, write_predictions
from detector.promotion import demote, promote
from pages.train import estimate, history, rate, settings, training_curves
from pages.train.log_panel import LINE_LENGTH, LINES, Tail
from pages.train.measurement import CANCELLED, MADE_ROOM, Measurement, Measurements, measurements
from pages.train.page_state import SESSION_KEY, PageState
from tests.support.page_words import checked, said
from tests.support.run_folders import STATES, make_run
from train import runs
from train.recipes import OPTIMIZERS, Recipe, dotted, load_recipe, names
from train.runs import hardware, recipe_comparison, store
from ui import scan_job, waiting
from ui.text import plain

ROOT = Path(__file__).parents[2]
PAGE = str(ROOT / "pages" / "train" / "page.py")
HOSTILE = "<script>alert(1)</script> **[x](http://x)** :material/home: $x$ \x1b[31m\u202e"


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The folder of runs, still empty."""
    monkeypatch.setenv("TELLTALE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.delenv("TELLTALE_READONLY", raising=False)
    monkeypatch.setattr(scan_job, "QUICK_SECONDS", 60.0)  # a busy machine shows what a quiet one does
    measurements.clear()
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


@pytest.fixture
def open_page(folder):
    """``open_page(**query)``: the page, run once at that address."""

    def run(**query) -> AppTest:
        page = AppTest.from_file(PAGE, default_timeout=120)
        for name, value in query.items():
            page.query_params[name] = value
        return checked(page.run())

    return run


@pytest.fixture
def pictures(tmp_path) -> Path:
    """Twelve pictures of each class, one of them broken."""
    rng = np.random.default_rng(1)
    for name in ("real", "ai"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(12):
            Image.fromarray(rng.integers(0, 255, (40, 50, 3), np.uint8)).save(
                tmp_path / "pictures" / name / f"{number}.png"
            )
    (tmp_path / "pictures" / "ai" / "0.png").write_bytes(b"no picture")
    return tmp_path / "pictures"


def buttons(page: AppTest) -> set[str]:
    return {button.key for button in page.button}


def fill(page: AppTest, key: str, value) -> AppTest:
    """Put a value into a setting of the recipe that is chosen."""
    kinds = {bool: page.toggle, str: page.text_input}
    widgets = kinds.get(type(value), page.number_input)
    widgets(key=f"setting:{page.selectbox(key='recipe').value}:{key}").set_value(value)
    return checked(page.run())


# ---- opening


def test_the_page_loads_neither_tensorflow_nor_scikit_learn(folder):
    make_run(folder, "one", "completed")
    code = (
        # first, because AppTest looks for modules beside the page
        "import sys; import train.runs; from streamlit.testing.v1 import AppTest;page ="
        " AppTest.from_file('pages/train/page.py', default_timeout=90).run();assert not page.exception;"
        " print([name for name in ('tensorflow', 'keras', 'sklearn') if name in sys.modules])"
    )
    environment = {"TELLTALE_RUNS": str(folder), "PATH": ""}
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert process.stdout.strip() == "[]", process.stderr


def test_where_nothing_was_trained_the_page_says_how_to_begin(open_page):
    page = open_page()
    assert "Nothing has been trained here yet" in said(page) and "make_practice" in buttons(page)
    page.button(key="make_practice").click().run()
    assert "Now press **Start**" in checked(page).info[0].value and "Nothing has been trained" not in said(
        page
    )


def test_imagenets_weights_are_not_offered_for_a_network_that_nobody_trained_on_it(open_page):
    page = open_page()
    page.selectbox(key="recipe").set_value("tiny-attention").run()
    control = checked(page).segmented_control(key="weights:tiny-attention")
    assert control.options == ["A file", "None"]
    assert control.value == "none"
    assert "**ImageNet**" not in control.help


def test_weights_that_others_published_are_offered_with_origin_and_licence(open_page):
    page = open_page()
    page.selectbox(key="recipe").set_value("convnextv2-tiny").run()
    control = checked(page).segmented_control(key="weights:convnextv2-tiny")
    assert control.options == ["ImageNet", "A file", "None"]
    assert control.value == "imagenet" and "model.safetensors" in control.help
    (caption,) = (each.value for each in page.caption if "Hugging Face" in each.value)
    assert "convnextv2" in caption and "CC BY-NC 4.0" in caption and "115 MB" in caption
    page.segmented_control(key="weights:convnextv2-tiny").set_value("none").run()
    assert not any("Hugging Face" in each.value for each in checked(page).caption)


def test_a_folder_of_runs_that_cannot_be_read_gets_a_sentence(open_page, folder):
    folder.rmdir()
    folder.write_text("a file")
    assert "cannot be read" in open_page().error[0].value


# ---- the form


def test_the_data_folder_is_checked_at_once(open_page, pictures):
    page = open_page()
    page.text_input(key="data_folder").set_value(str(pictures)).run()
    text = said(checked(page))
    assert "**23 pictures**: 11 AI-generated, 12 real" in text and "short side 40 pixels" in text
    assert "ai\\/0" in text and not page.button(key="start").disabled


def test_what_gives_the_classes_away_is_said_on_the_form(open_page, pictures, monkeypatch):
    monkeypatch.setattr(waiting, "QUICK_SECONDS", 60.0)
    for path in (pictures / "real").iterdir():
        Image.open(path).save(path.with_suffix(".jpg"))
        path.unlink()
    page = open_page()
    page.text_input(key="data_folder").set_value(str(pictures)).run()
    assert "A ruler tells the classes apart" in said(checked(page)) and "look_closer" in buttons(page)
    assert not page.button(key="start").disabled


@pytest.mark.parametrize(
    "typed", ["/no/such/folder", "\0", "~nobody-of-that-name/x", HOSTILE, "/dev/null", "a" * 1000]
)
def test_a_folder_that_will_not_do_gets_a_sentence_and_no_start(open_page, typed):
    page = open_page()
    page.text_input(key="data_folder").set_value(typed).run()
    assert len(checked(page).error) == 1 and page.button(key="start").disabled
    assert "<script>" not in page.error[0].value


def test_a_check_that_takes_long_shows_how_far_it_is_and_holds_up_nothing_but_the_start(
    open_page, pictures, monkeypatch
):
    finish, look = threading.Event(), scan_job.scan_dataset

    def slow(folder, progress):
        progress(CHECKING, 5, 20)
        finish.wait(60)
        return look(folder)

    monkeypatch.setattr(scan_job, "scan_dataset", slow)
    monkeypatch.setattr(scan_job, "QUICK_SECONDS", 0.5)
    page = open_page()
    page.text_input(key="data_folder").set_value(str(pictures)).run()
    assert (
        checked(page).get("progress")[0].proto.text == "Checking pictures: 5 of 20"
        and page.button(key="start").disabled
    )
    fill(page, "seed", 3)
    finish.set()
    monkeypatch.setattr(scan_job, "QUICK_SECONDS", 60.0)
    page.run()
    assert "**23 pictures**" in said(checked(page)) and not page.button(key="start").disabled


def test_a_folder_without_classes_says_what_is_missing(open_page, pictures):
    shutil.rmtree(pictures / "ai")
    page = open_page()
    page.text_input(key="data_folder").set_value(str(pictures)).run()
    assert len(checked(page).error) == 1 and page.button(key="start").disabled


def test_the_practice_set_is_made_and_chosen_with_its_recipe(open_page, folder):
    page = open_page()
    page.button(key="make_practice").click().run()
    assert (
        page.text_input(key="data_folder").value == str(folder / ".practice-set")
        and page.selectbox(key="recipe").value == "practice"
    )
    assert "practice set" in said(checked(page)) and not page.button(key="start").disabled


def test_the_command_is_the_one_that_is_started(open_page, pictures, monkeypatch):
    page = open_page()
    page.text_input(key="data_folder").set_value(f"  '{pictures}' ").run()
    page.selectbox(key="recipe").set_value("tiny-attention").run()
    fill(page, "finetune.epochs", 2)
    fill(page, "finetune.learning_rate", 0.001)
    started = []
    monkeypatch.setattr(
        runs, "start", lambda *arguments, **named: started.append(arguments) or runs.find("other")
    )
    make_run(runs.folder(), "other", "completed")
    shown = page.code[0].value
    page.button(key="start").click().run()
    recipe, overrides, data, run_id, device = started[0]
    assert overrides == ["finetune.epochs=2", "finetune.learning_rate=0.001"] and (recipe, data) == (
        "tiny-attention",
        str(pictures),
    )
    assert shown.endswith(
        f"--run-dir {runs.folder() / run_id} --set finetune.epochs=2 --set finetune.learning_rate=0.001"
        f" --device {device}"
    )
    assert shown.startswith("python -m train --recipe tiny-attention") and device == "auto"
    assert "say one with a GPU" in said(page)
    assert page.query_params["run"] == "other"


# ---- several GPUs


@pytest.fixture
def two_gpus(monkeypatch):
    """Pretend that this machine has two."""
    found = [runs.Device(f"cuda:{number}", "NVIDIA A100", 40 * 10**9, 10**9, 0.5) for number in range(2)]
    monkeypatch.setattr(hardware, "gpus", lambda: found)


def test_several_gpus_are_offered_together_and_what_they_make_of_a_batch_is_said(open_page, two_gpus):
    page = open_page()
    page.selectbox(key="recipe").set_value("efficientnetv2b0-attention").run()
    assert "2 GPUs together" in page.selectbox(key="device").options[2] and "on each of" not in said(page)
    page.selectbox(key="device").set_value("cuda:0,1").run()
    recipe = load_recipe("efficientnetv2b0-attention")
    each = f"{recipe.batch_size} pictures ({recipe.batch_size // 2} on each of 2 GPUs)"
    rates = f"{recipe.frozen.learning_rate:g}, then {recipe.finetune.learning_rate:g}"
    text = said(checked(page))
    assert each in text and f"the learning rate stays {rates}" in text
    assert page.code[0].value.endswith("--device cuda:0,1")


def test_a_batch_that_two_gpus_cannot_share_gets_a_sentence_and_no_start(open_page, pictures, two_gpus):
    page = open_page()
    page.text_input(key="data_folder").set_value(str(pictures)).run()
    page.selectbox(key="device").set_value("cuda:0,1").run()
    fill(page, "batch_size", 31)
    (error,) = checked(page).error
    sentence = "2 GPUs cannot share a batch of 31 evenly. Set batch_size to 32, for instance."
    assert error.value == plain(sentence)
    assert page.button(key="start").disabled


def test_a_run_says_its_batch_and_learning_rate(open_page, folder):
    path = make_run(folder, "one", "completed")
    for name in ("launch", "supervisor"):
        file = path / f"{name}.json"
        if file.exists():
            file.write_text(json.dumps(json.loads(file.read_text()) | {"device": "cuda:0,1"}))
    text = said(open_page(run="one"))
    batch = plain("16 pictures (8 on each of 2 GPUs)")
    assert f"Batch: {batch}" in text and f"Learning rate: {plain('0.003')}" in text


# ---- several recipes


@pytest.fixture
def queued(monkeypatch):
    """The arguments of the runs that the page has queued."""
    found = []
    monkeypatch.setattr(
        recipe_comparison, "start", lambda *arguments, **named: found.append(arguments) or runs.find("other")
    )
    make_run(runs.folder(), "other", "completed")
    return found


def test_a_comparison_queues_a_run_for_each_recipe_with_its_share(open_page, pictures, queued):
    make_run(runs.folder(), "compare-1-resnet18", "completed")
    page = open_page()
    assert page.button(key="start_all").disabled, "there are no pictures yet"
    page.text_input(key="data_folder").set_value(str(pictures)).run()
    page.multiselect(key="compared").set_value(["resnet18", "tiny-attention"])
    page.number_input(key="budget").set_value(30).run()
    command = checked(page).code[1].value
    assert command == (
        f"python -m train.compare resnet18 tiny-attention --data {pictures} --budget 30m --name compare-2"
    )
    page.button(key="start_all").click().run()
    checked(page)
    started = [(recipe, overrides, data, run_id) for recipe, overrides, data, run_id, _ in queued]
    share = ["max_minutes=15"]
    assert started == [
        ("resnet18", share, str(pictures), "compare-2-resnet18"),
        ("tiny-attention", share, str(pictures), "compare-2-tiny-attention"),
    ]


def test_one_recipe_is_no_comparison(open_page, pictures):
    page = open_page()
    page.text_input(key="data_folder").set_value(str(pictures)).run()
    page.multiselect(key="compared").set_value(["resnet18"]).run()
    assert checked(page).button(key="start_all").disabled
    assert "Choose at least two recipes." in said(page)


def test_an_estimate_ends_at_the_recipes_limit():
    recipe = load_recipe("tiny-attention", ["max_minutes=2"])
    assert rate.seconds(recipe, 1000, {"finetune": 1.0}) == 120
    assert rate.seconds(recipe, 10, {"finetune": 1.0}) == 50


def test_finished_runs_that_are_ticked_open_together_on_evaluate(folder, tiny_bundle):
    for name in ("one", "two"):
        make_run(folder, name, "completed", bundle=tiny_bundle)
    page = AppTest.from_function(_ticked, default_timeout=60)
    assert checked(page.run()).button(key="evaluate_all").label == "Open together on Evaluate"


def _ticked():
    from pages.train import history
    from train import runs

    history._open_together(runs.all_runs())


def test_the_same_form_sent_twice_carries_the_same_token_and_another_form_another(
    open_page, pictures, monkeypatch
):
    tokens = []

    def refuse(*arguments, token, **named):
        tokens.append(token)
        raise runs.RunError("Not now.")

    monkeypatch.setattr(runs, "start", refuse)
    page, twin = open_page(), open_page()
    for tab in (page, twin):
        tab.text_input(key="data_folder").set_value(str(pictures)).run()
        tab.button(key="start").click().run()
        assert "Not now" in checked(tab).error[0].value
    fill(twin, "seed", 3).button(key="start").click().run()
    assert tokens[0] == tokens[1] != tokens[2]


def test_a_wrong_setting_is_told_at_its_place_and_before_start(open_page, pictures):
    page = open_page()
    page.text_input(key="data_folder").set_value(str(pictures)).run()
    fill(page, "finetune.learning_rate", -1.0)
    assert "learning\\_rate must be above 0" in page.error[0].value and page.button(key="start").disabled
    assert any("red[" in element.value and "above 0" in element.value for element in page.markdown)
    page.button(key="reset").click().run()
    assert not checked(page).error and not page.button(key="start").disabled


@pytest.mark.parametrize("name", ["", "a b", "../up", ".hidden", HOSTILE])
def test_a_name_that_will_not_do_gets_a_sentence_and_no_start(open_page, pictures, name):
    page = open_page()
    page.text_input(key="data_folder").set_value(str(pictures)).run()
    page.text_input(key="run_name:efficientnetv2b0-attention-1").set_value(name).run()
    assert len(checked(page).error) == 1 and page.button(key="start").disabled


def test_the_name_proposed_is_one_that_is_free(open_page, folder):
    make_run(folder, "efficientnetv2b0-attention-1", "failed")
    assert (
        open_page().text_input(key="run_name:efficientnetv2b0-attention-2").value
        == "efficientnetv2b0-attention-2"
    )


def test_backbone_weights_from_a_file_or_none_go_into_the_command(open_page, tmp_path):
    page = open_page()
    page.segmented_control(key="weights:efficientnetv2b0-attention").set_value("none").run()
    assert "--set backbone_weights=none" in checked(page).code[0].value
    page.segmented_control(key="weights:efficientnetv2b0-attention").set_value("file").run()
    page.text_input(key="weights_file:efficientnetv2b0-attention").set_value(
        str(tmp_path / "w; rm -rf x.h5")
    ).run()
    assert "There is no file" in said(checked(page)) and "rm -rf x.h5\"'" in page.code[0].value


def test_a_weights_file_with_a_name_that_none_can_have_is_a_sentence(open_page):
    page = open_page()
    page.segmented_control(key="weights:efficientnetv2b0-attention").set_value("file").run()
    page.text_input(key="weights_file:efficientnetv2b0-attention").set_value("x" * 300).run()
    assert "There is no file" in said(checked(page))


def test_the_backbone_of_the_shipped_model_is_a_choice_where_one_ships(open_page):
    page = open_page()
    page.segmented_control(key="weights:efficientnetv2b0-attention").set_value("shipped").run()
    assert "--set backbone_weights=shipped" in checked(page).code[0].value
    page.selectbox(key="recipe").set_value("tiny-attention").run()
    assert "Shipped model" not in checked(page).segmented_control(key="weights:tiny-attention").options


# ---- again, with changes

CHANGED = (
    "finetune.epochs=7",
    "augmentation.jpeg_quality=[40, 90]",
    "decision.threshold=0.4",
    "backbone_weights=/w.h5",
    "architecture_arguments.heads=2",
)


@pytest.mark.parametrize("state", STATES)
def test_every_run_can_be_started_again_with_changes(open_page, folder, pictures, state):
    make_run(folder, "mine", state, overrides=CHANGED, data=str(pictures))
    page = open_page(run="mine")
    page.button(key="again").click().run()
    assert "run" not in checked(page).query_params and "as it was for mine" in said(page)
    recipe = page.selectbox(key="recipe").value
    given = {word for word in shlex.split(page.code[0].value) if "=" in word}
    assert recipe == "tiny-attention" and page.text_input(key="data_folder").value == str(pictures)
    assert load_recipe(recipe, sorted(given)) == load_recipe(recipe, CHANGED)
    assert not page.warning, "nothing is set twice"


def test_a_run_of_a_recipe_that_does_not_ship_fills_in_the_nearest_one(open_page, folder, pictures):
    run = make_run(folder, "mine", "failed", recipe="efficientnetv2b0-attention", data=str(pictures))
    config = json.loads((run / "config.json").read_text())
    config["recipe"] |= {"name": "my own", "batch_size": 8}
    (run / "config.json").write_text(json.dumps(config))
    page = open_page(run="mine")
    page.button(key="again").click().run()
    assert checked(page).selectbox(key="recipe").value == "efficientnetv2b0-attention"
    assert "--set batch_size=8 --device" in page.code[0].value


def test_settings_that_are_not_known_any_more_are_told(open_page, folder):
    run = make_run(folder, "mine", "failed")
    config = json.loads((run / "config.json").read_text())
    config["recipe"] |= {"retired": 8}
    (run / "config.json").write_text(json.dumps(config))
    page = open_page(run="mine")
    page.button(key="again").click().run()
    assert "There is no setting retired" in checked(page).error[0].value and page.query_params["run"]


# ---- settings


@pytest.mark.parametrize("name", names())
def test_every_setting_of_every_recipe_is_on_the_form_once(name):
    recipe = load_recipe(name)
    paths = [setting.path for setting in settings.settings(recipe)]
    expected = {
        path
        for path in dotted(recipe.to_dict())
        if path not in settings.ELSEWHERE and "architecture_arguments" not in path
    }
    arguments = ARCHITECTURES[recipe.architecture].arguments
    expected |= {f"architecture_arguments.{argument}" for argument in arguments}
    assert expected <= set(paths) and len(paths) == len(set(paths)) and set(settings.MAIN) <= set(paths)


def test_another_architecture_brings_its_own_arguments(open_page):
    page = open_page()
    recipe = "efficientnetv2b0-attention-cutmix"
    page.selectbox(key="recipe").set_value(recipe).run()
    key = f"setting:{recipe}:architecture_arguments"
    assert page.number_input(key=f"{key}.key_dim").value == 128
    page.selectbox(key=f"setting:{recipe}:architecture").set_value(
        "efficientnetv2b0-multilevel-attention"
    ).run()
    arguments = {
        argument: f"{key}.{argument}:efficientnetv2b0-multilevel-attention"
        for argument in ("heads", "key_dim", "channels")
    }
    shown = {argument: checked(page).number_input(key=key).value for argument, key in arguments.items()}
    assert shown == {
        "heads": 1,
        "key_dim": 64,
        "channels": 64,
    }, "the recipe's one head, and the architecture's own defaults"


def test_an_architecture_that_is_registered_later_is_a_choice_too(monkeypatch):
    assert "mine" not in settings.choices("architecture")
    monkeypatch.setitem(ARCHITECTURES, "mine", ARCHITECTURES["tiny-attention"])
    assert "mine" in settings.choices("architecture")
    assert settings.choices("optimizer") == OPTIMIZERS and not settings.choices("seed")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_setting_says_what_it_means(architecture):
    shown = settings.settings(Recipe("x", architecture=architecture))
    assert [setting.path for setting in shown if not setting.meaning] == []


def test_settings_carry_the_comment_beside_them():
    of = {setting.path: setting.meaning for setting in settings.settings(Recipe("x"))}
    assert (
        of["augmentation.flip"] == "mirror left-right with probability 1/2"
        and of["finetune.monitor"] == "the validation figure by which the best epoch is chosen"
    )


def test_settings_carry_the_comment_above_them_where_that_is_too_long_for_the_line():
    of = {setting.path: setting.meaning for setting in settings.settings(Recipe("x"))}
    assert of["left_out_fold"] == (
        "the fold, counted from 0, that is left out of training and judged by instead of the test and unseen"
        " splits"
    )
    assert of["augmentation.geometry_probability"].startswith("rotation and zoom are applied")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("title", 'a "quoted" = \\ title'),
        ("title", "7"),
        ("title", "true"),
        ("augmentation.jpeg_quality", (40, 95)),
        ("augmentation.flip", False),
        ("frozen.learning_rate", 1e-5),
        ("decision.threshold", "0.5"),
    ],
)
def test_every_value_survives_its_way_through_the_command_line(path, value):
    recipe = load_recipe("tiny-attention", [f"{path}={settings.as_toml(value)}"])
    for name in path.split("."):
        recipe = getattr(recipe, name)
    assert recipe == value and type(recipe) is type(value)


# ---- how long it takes


def test_the_time_needed_comes_from_the_epochs_of_an_earlier_run_like_this_one():
    recipe = load_recipe("tiny-attention", ["frozen.epochs=2", "finetune.epochs=3", "batch_size=10"])
    rows = [
        {"stage": "frozen", "seconds": 9.0},
        {"stage": "frozen", "seconds": 5.0},
        {"stage": "finetune", "seconds": 20.0},
    ]
    rates = rate.of_earlier_runs(recipe, "cpu", [("cpu", recipe.to_dict(), rows, 10)])
    assert rates == {
        "frozen": 20.0,
        "finetune": 5.0,
    }  # 100 pictures in 5 s, the first epoch left out; 100 in 20 s
    assert rate.seconds(recipe, 200, rates) == 2 * 200 / 20 + 3 * 200 / 5


@pytest.mark.parametrize(
    "other",
    [
        {"batch_size": 4},
        {"architecture": "another"},
        {"architecture_arguments": {"hidden": 64}},
        {"finetune": {"unfreeze": "none"}},
    ],
)
def test_a_run_of_another_kind_says_nothing_about_the_time(other):
    recipe = load_recipe("tiny-attention")
    rows = [{"stage": "finetune", "seconds": 5.0}]
    assert rate.of_earlier_runs(recipe, "cpu", [("cpu", recipe.to_dict() | other, rows, 10)]) == {}
    assert rate.of_earlier_runs(recipe, "cuda:0", [("cpu", recipe.to_dict(), rows, 10)]) == {}
    assert rate.seconds(recipe, 200, {}) is None


def test_the_steps_of_an_epoch_are_known_whatever_the_run_does_now(folder):
    run = make_run(folder, "mine", "completed")
    head, *rows = (run / "metrics.csv").read_text().splitlines()
    (run / "metrics.csv").write_text("\n".join([f"{head},steps", *(f"{row},24" for row in rows), ""]))
    (run / "progress.json").write_text('{"stage": "testing", "done": 3, "total": 500}')
    assert estimate._as_seen(runs.find("mine"))[3] == 24


def test_a_measurement_trains_both_stages_for_real():
    recipe = load_recipe("tiny-attention", ["frozen.epochs=7", "batch_size=4"])
    rates = rate.measure("tiny-attention", ["frozen.epochs=7", "batch_size=4"], recipe, "cpu")
    assert set(rates) == {"frozen", "finetune"} and all(1 < each < 1e5 for each in rates.values())


def test_without_any_measurement_the_form_offers_one_instead_of_a_guess(open_page, pictures, monkeypatch):
    page = open_page()
    page.text_input(key="data_folder").set_value(str(pictures)).run()
    assert "was not measured here yet" in said(checked(page)) and "measure" in buttons(page)
    monkeypatch.setattr(rate, "measure", lambda *_: {"frozen": 10.0, "finetune": 2.0})
    page.button(key="measure").click().run()
    measurements().now.done.wait(60)
    text = said(checked(page.run()))
    assert "a measurement on this machine" in text and "measure" not in buttons(page)


def never_ending(*words) -> dict:
    """A measurement that goes on until it is told to stop."""
    while not words[-1]():
        time.sleep(0.01)
    return {}


def test_a_measurement_can_be_cancelled(open_page, pictures, monkeypatch):
    monkeypatch.setattr(rate, "measure", never_ending)
    page = open_page()
    page.text_input(key="data_folder").set_value(str(pictures)).run()
    page.button(key="measure").click().run()
    assert "Training a few steps" in said(checked(page)) and "measure" not in buttons(page)
    measurement = measurements().now
    page.button(key="measure_not").click().run()
    assert measurement.done.wait(60) and measurement.problem == CANCELLED
    assert "measure" in buttons(checked(page.run().run())) and "measure_not" not in buttons(page)


def test_a_measurement_ends_when_a_run_starts(folder, monkeypatch):
    monkeypatch.setattr(rate, "measure", never_ending)
    measurement = Measurement(("kind",))
    measurement.start("tiny-attention", [], load_recipe("tiny-attention"), "cpu")
    assert not measurement.done.wait(0.1)
    make_run(folder, "mine", "running")
    assert measurement.done.wait(60) and measurement.problem == MADE_ROOM


def test_a_measurement_makes_room_for_the_run_that_is_started_from_the_form(monkeypatch, folder):
    monkeypatch.setattr(rate, "measure", never_ending)
    known, measurement = Measurements(), Measurement(("kind",))
    assert known.begin(measurement) and not known.begin(Measurement(("other",)))
    measurement.start("tiny-attention", [], load_recipe("tiny-attention"), "cpu")
    known.make_room()
    assert measurement.done.is_set() and known.begin(Measurement(("other",)))


def test_what_a_measurement_has_started_ends_with_it():
    before = set(psutil.Process().children(recursive=True))
    asked = iter([False, False, True])
    recipe = load_recipe("tiny-attention")
    assert rate.measure("tiny-attention", [], recipe, "cpu", lambda: next(asked)) == {}
    assert set(psutil.Process().children(recursive=True)) <= before


# ---- runs


@pytest.mark.parametrize("state", STATES)
def test_every_state_shows_its_name_its_reason_and_what_can_be_done(open_page, folder, state):
    make_run(folder, "mine", state, reason="Because of **this**." if state in ("failed", "stopped") else "")
    page = open_page(run="mine")
    run = runs.find("mine")
    assert run.state == state
    assert any(run.state.title in element.value and "-badge[" in element.value for element in page.markdown)
    assert state not in ("failed", "stopped") or "Because of \\*\\*this\\*\\*\\." in said(page)
    assert {name for name in ("stop", "resume", "delete", "promote") if name in buttons(page)} == run.actions


@pytest.mark.parametrize("state", STATES)
def test_what_follows_a_live_run_stands_at_the_same_place_in_every_state(open_page, folder, state):
    """A fragment draws where it stood when the page was last drawn. Were another part there by now, the
    browser would refuse what is drawn."""
    make_run(folder, "theirs", "running")
    make_run(folder, "mine", state, reason="So it is.")
    landmarks = {"#### Curves", "#### Log"}
    assert places(open_page(run="mine"), landmarks) == places(open_page(run="theirs"), landmarks)


def test_a_message_on_top_moves_nothing_below_it(open_page, folder):
    make_run(folder, "mine", "running")
    silent, told = open_page(run="mine"), AppTest.from_file(PAGE, default_timeout=120)
    told.query_params["run"], told.session_state[SESSION_KEY] = "mine", PageState(done="It is done.")
    assert "It is done" in said(checked(told.run()))
    assert places(told, {"#### Curves", "#### Log"}) == places(silent, {"#### Curves", "#### Log"})


def test_the_list_of_runs_is_drawn_where_no_part_of_a_single_run_is(open_page, folder):
    make_run(folder, "mine", "running")
    listed, watched = open_page(), open_page(run="mine")
    button = next(element for element in listed.button if element.key == "watch mine")
    assert places(watched, {"#### Log"})["#### Log"][0] != path_of(listed, button)[0]


def nodes(page: AppTest):
    """(where it is in the page's tree of blocks, node) for all there is on the page."""
    open_ = [((), page.main)]
    while open_:
        path, node = open_.pop()
        yield path, node
        open_ += [((*path, index), child) for index, child in getattr(node, "children", {}).items()]


def path_of(page: AppTest, wanted) -> tuple[int, ...]:
    return next(path for path, node in nodes(page) if node is wanted)


def places(page: AppTest, texts: set[str]) -> dict[str, tuple[int, ...]]:
    """Text -> where its element is."""
    found = {
        node.value: path for path, node in nodes(page) if node.type == "markdown" and node.value in texts
    }
    assert found.keys() == texts
    return found


def test_progress_is_told_as_the_run_writes_it(open_page, folder):
    make_run(folder, "mine", "running")
    page = open_page(run="mine")
    bar = page.get("progress")[0].proto
    assert (
        bar.text == "Fine-tuning · epoch 3 of 5 · step 40 of 100 · 20 images/s · at most 13 min left"
        and bar.value == 48
    )


def test_testing_and_closing_are_phases_of_their_own(open_page, folder):
    run = make_run(folder, "mine", "running")
    told = {"stage": "testing", "done": 1200, "total": 4800, "images_per_second": 40.0}
    (run / "progress.json").write_text(json.dumps(told | {"seconds_left_at_most": 90}))
    bar = open_page(run="mine").get("progress")[0].proto
    assert (
        bar.text == "Testing · picture 1,200 of 4,800 · 40 images/s · at most 2 min left" and bar.value == 25
    )
    (run / "progress.json").write_text(json.dumps({"stage": "closing", "done": 0, "total": 0}))
    assert open_page(run="mine").get("progress")[0].proto.text == "Writing the model"


def test_the_loss_is_drawn_before_the_first_epoch_has_ended(open_page, folder):
    run = make_run(folder, "mine", "running")
    (run / "metrics.csv").unlink()
    (run / "steps.csv").write_text("epochs,stage,loss\n0.10000,frozen,0.71\n0.20000,frozen,0.69\n0.3")
    (chart,) = open_page(run="mine").get("plotly_chart")
    (trace,) = json.loads(chart.proto.spec)["data"]
    assert trace["name"] == "train, within epochs" and trace["mode"] == "lines+markers"


def test_the_loss_within_epochs_is_drawn_with_that_of_the_epochs():
    rows = [{"epochs": number / 100, "loss": float(number % 2)} for number in range(1, 1801)]
    within = training_curves.within_epochs(rows)
    assert len(within) == 600 and within["loss"].between(0.33, 0.67).all() and within["epochs"].max() < 18
    figure = training_curves.figures({"mine": training_curves.table(EPOCHS)}, within=within)["loss"]
    assert [trace.name for trace in figure.data] == ["train, within epochs", "validation"]
    assert figure.layout.xaxis.range == (0.02, 18.5)  # from the first three steps' mean to the last


@pytest.mark.parametrize(
    "written", ["[]", '{"stage": 7, "epoch": "x", "step": NaN}', "{", '{"epoch": 1e999, "epochs": 0}']
)
def test_a_damaged_progress_file_hurts_nobody(open_page, folder, written):
    run = make_run(folder, "mine", "running")
    (run / "progress.json").write_text(written)
    open_page(run="mine")


@pytest.mark.parametrize(
    "metrics",
    [
        "",
        "a",
        "stage,epoch\n",
        "loss,val_loss\nx,y\n",
        "\0\0\n1",
        "stage,epoch,loss\nfrozen,1,inf\n<b>x</b>,2,0.5\n",
    ],
)
def test_damaged_metrics_hurt_nobody(open_page, folder, metrics):
    run = make_run(folder, "mine", "completed")
    (run / "metrics.csv").write_text(metrics)
    assert "<b>x" not in json.dumps([chart.proto.spec for chart in open_page(run="mine").get("plotly_chart")])
    open_page(view="Runs")


def test_the_curves_show_train_and_validation_together(open_page, folder):
    make_run(folder, "mine", "completed")
    page = open_page(run="mine")
    drawn = [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]
    assert [figure["layout"]["title"]["text"] for figure in drawn] == [
        "Loss",
        "Accuracy",
        "ROC AUC",
        "Learning rate",
    ]
    assert [trace["name"] for trace in drawn[0]["data"]] == ["train", "validation"]
    assert drawn[0]["layout"]["shapes"][0]["x0"] == 2.5  # the stage ends after two epochs


def test_a_run_that_is_not_there_gets_a_sentence(open_page):
    for name in ("nothing", "../../etc", HOSTILE, ".queue"):
        page = open_page(run=name)
        assert len(page.warning) == 1 and "<script>" not in page.warning[0].value


def test_the_practice_label_is_on_practice_runs_alone(open_page, folder):
    make_run(folder, "mine", "completed", practice=True)
    make_run(folder, "other", "completed")
    assert "Practice" in said(open_page(run="mine")) and "Practice" not in said(open_page(run="other"))


def test_the_queue_is_on_the_page_in_its_order(open_page, folder):
    for name, state in (("first", "running"), ("second", "queued"), ("third", "queued")):
        make_run(folder, name, state)
    text = said(open_page())
    assert text.index("first") < text.index("second") < text.index("third")
    assert "**second** number 1 in the queue" in text and "**third** number 2 in the queue" in text


def test_all_runs_are_in_the_table_with_what_was_measured(open_page, folder, tiny_bundle):
    make_run(folder, "good", "completed", bundle=tiny_bundle, best=8)
    make_run(folder, "bad", "failed")
    table = open_page(view="Runs").dataframe[0].value.set_index("Run")
    assert table.loc["good", "State"] == "Completed" and table.loc["bad", "State"] == "Failed"
    assert table.loc["good", "Val AUC"] == 0.78 and table.loc["good", "Took"] == 31.0
    measured = json.loads((tiny_bundle / "card.json").read_text())["metrics"]["test"]
    assert table.loc["good", "Test AUC"] == measured["roc_auc"] and np.isnan(table.loc["bad", "Test AUC"])


EPOCHS = [
    {"stage": "frozen", "val_loss": 0.6, "val_auc": 0.9},
    {"stage": "frozen", "val_loss": 0.4, "val_auc": 0.7},
    {"stage": "finetune", "val_loss": 0.5, "val_auc": 0.8},
    {"stage": "finetune", "val_loss": 0.7, "val_auc": 0.95},
]


@pytest.mark.parametrize(
    ("frozen", "finetune", "kept"),
    [
        ("val_loss", "val_loss", 2),  # fine-tuning never got below 0.4
        ("val_auc", "val_auc", 4),
        ("val_auc", "val_loss", 3),  # what watches another figure is not compared
    ],
)
def test_the_kept_epoch_is_the_best_by_what_the_recipe_watches(frozen, finetune, kept):
    recipe = {"frozen": {"monitor": frozen}, "finetune": {"monitor": finetune}}
    rows = training_curves.table(EPOCHS)
    assert training_curves.kept_epoch(rows, recipe) == kept
    assert history.kept_val_auc(EPOCHS, recipe) == EPOCHS[kept - 1]["val_auc"]


@pytest.mark.parametrize("recipe", [{}, {"finetune": 3}, {"finetune": {"monitor": "val_paired_auc"}}])
def test_an_epoch_that_cannot_be_told_is_not_called_kept(recipe):
    assert training_curves.kept_epoch(training_curves.table(EPOCHS), recipe) is None
    assert training_curves.kept_epoch(training_curves.table([]), recipe) is None


def test_the_kept_epoch_has_a_star_on_every_curve(open_page, folder):
    make_run(folder, "mine", "completed")
    page = open_page(run="mine")
    for chart in page.get("plotly_chart"):
        for trace in json.loads(chart.proto.spec)["data"]:
            assert trace["marker"]["symbol"] == ["circle", "circle", "circle", "star"]
    assert "The star is the epoch whose weights are kept" in said(page)


def test_a_finished_run_without_its_model_is_not_called_ready(open_page, folder):
    make_run(folder, "mine", "completed")
    assert "its model is not there" in said(open_page(run="mine")) and "resume" in buttons(
        open_page(run="mine")
    )


def test_several_runs_are_drawn_over_each_other_with_what_they_do_differently(open_page, folder, monkeypatch):
    make_run(folder, "one", "completed")
    make_run(folder, "two", "completed", overrides=("finetune.learning_rate=1e-4",))
    page = AppTest.from_function(_compare, default_timeout=60)
    table = checked(page.run()).dataframe[0].value
    assert table.to_dict("records") == [
        {"Setting": "finetune.learning_rate", "one": "0.003", "two": "0.0001"}
    ]
    drawn = training_curves.figures({run.id: training_curves.table(run.metrics()) for run in runs.all_runs()})
    assert {trace.name for trace in drawn["auc"].data} == {
        "one, train",
        "one, validation",
        "two, train",
        "two, validation",
    }


def _compare():
    from pages.train import history
    from train import runs

    history._differences(sorted(runs.all_runs(), key=lambda run: run.id))


# ---- the log


@pytest.fixture
def log(tmp_path):
    """``log(text)`` appends to a log and returns the lines of its ``Tail``."""
    path = tmp_path / "train.log"
    tail = Tail(path)

    def append(content: str | bytes) -> list[tuple[int, str]]:
        with open(path, "ab") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        tail.read()
        return list(tail.lines)

    append.tail = tail
    return append


def test_lines_keep_their_numbers_and_an_unfinished_one_grows(log):
    assert log("one\ntw") == [(1, "one"), (2, "tw")]
    assert log("o") == [(1, "one"), (2, "two")]
    assert log("\n\nfour") == [(1, "one"), (2, "two"), (3, ""), (4, "four")]
    assert log("\n") == log("") == [(1, "one"), (2, "two"), (3, ""), (4, "four")]


def test_half_a_character_waits_for_its_other_half(log):
    assert log("na\u00efve".encode()[:3]) == [(1, "na")]
    assert log("na\u00efve".encode()[3:]) == [(1, "na\u00efve")]


def test_a_log_that_grows_faster_than_it_is_read_shows_its_newest_lines_and_a_gap(log):
    log("first\n")
    lines = log("".join(f"line {number}\n" for number in range(100_000)))
    assert lines[-1][1] == "line 99999" and lines[0][0] > 2 and len(lines) <= LINES
    assert log("one more\n")[-1] == (lines[-1][0] + 1, "one more")


def test_fifty_megabytes_without_a_line_end_stay_small(log):
    lines = log(b"x" * 50_000_000)
    lines = log(b"x" * 20_000)
    assert len(lines) == 1 and len(lines[0][1]) <= LINE_LENGTH


def test_a_log_that_was_begun_anew_is_shown_anew(log, tmp_path):
    log("a line of some length\n")
    before = log.tail.identity
    (tmp_path / "train.log").write_text("new\n")
    assert log("") == [(1, "new")] and log.tail.identity != before


# ---- what can be done


def test_deleting_asks_first(open_page, folder):
    path = make_run(folder, "mine", "failed")
    page = open_page(run="mine")
    page.button(key="delete").click().run()
    assert path.exists() and {"delete_now", "delete_not"} <= buttons(checked(page))
    page.button(key="delete_now").click().run()
    assert not path.exists() and "was deleted" in said(checked(page))


def test_a_refusal_of_the_run_store_is_shown(open_page, folder):
    path = make_run(folder, "mine", "failed")
    page = open_page(run="mine")
    shutil.rmtree(path)
    page.button(key="resume").click().run()
    assert "There is no run named" in said(checked(page))


def test_promoting_asks_for_a_name_and_makes_the_model_the_one_classify_uses(
    open_page, folder, tiny_bundle, monkeypatch
):
    shutil.copytree(tiny_bundle, folder.parent / "weights" / "efficientnetv2b0-attention")
    make_run(folder, "mine", "completed", bundle=tiny_bundle)
    page = open_page(run="mine")
    page.button(key="promote").click().run()
    assert "`python -m detector`" in said(checked(page))
    page.text_input(key="promote_name").set_value("no/such name")
    page.button(key="promote_now").click().run()
    assert len(checked(page).error) == 1 and default_bundle() == "efficientnetv2b0-attention"
    page.text_input(key="promote_name").set_value("best-so-far")
    page.button(key="promote_now").click().run()
    assert default_bundle() == "best-so-far" and "best\\-so\\-far is promoted" in said(checked(page))
    page = open_page()
    page.button(key="demote").click().run()
    assert default_bundle() == "efficientnetv2b0-attention" and "demote" not in buttons(checked(page))


def test_before_a_promotion_both_models_are_compared_on_the_same_test_pictures(
    open_page, folder, tiny_bundle
):
    shutil.copytree(tiny_bundle, folder.parent / "weights" / "efficientnetv2b0-attention")
    make_run(folder, "mine", "completed", bundle=tiny_bundle)
    page = open_page(run="mine")
    page.button(key="promote").click().run()
    table = next(frame.value for frame in checked(page).dataframe if "This run" in frame.value)
    assert set(table["Metric"]) >= {"Balanced accuracy", "ROC AUC"}
    assert (table.iloc[:, 1] == table["This run"]).all(), "the same weights on the same pictures"
    assert table["Difference, 95% interval"].str.startswith("+0.000").all()
    assert "test pictures** that both judged" in said(page)


def test_models_tested_on_different_pictures_are_not_compared_until_one_has_judged_the_others(
    open_page, folder, tiny_bundle, pictures
):
    shutil.copytree(tiny_bundle, folder.parent / "weights" / "efficientnetv2b0-attention")
    bundle = make_run(folder, "mine", "completed", bundle=tiny_bundle, data=str(pictures)) / "bundle"
    before = read_predictions(bundle / "test_predictions.parquet")
    card = json.loads((bundle / "card.json").read_text())
    card["training"] = {"dataset": {"manifest_sha256": "of other pictures"}}
    (bundle / "card.json").write_text(json.dumps(card))
    ids = [f"real/{number}.png" for number in range(6)] + [f"ai/{number}.png" for number in range(1, 7)]
    rows = pd.DataFrame({"id": ids, "y_true": [0] * 6 + [1] * 6, "logit": 0.0, "y_score": 0.5})
    write_predictions(Predictions(rows, before.weights_sha256), bundle / "test_predictions.parquet")
    page = open_page(run="mine")
    page.button(key="promote").click().run()
    assert "tested on different pictures" in said(checked(page))
    page.button(key="judge").click().run()
    assert "On the **12 test pictures** that both judged" in said(checked(page))
    assert "may have learned from some of these pictures" in said(page)


@pytest.fixture
def promoted(folder, tiny_bundle) -> Path:
    """Where the model of the run "mine" lies, which Classify uses instead of the one that ships."""
    shutil.copytree(tiny_bundle, folder.parent / "weights" / "efficientnetv2b0-attention")
    return promote(make_run(folder, "mine", "completed", bundle=tiny_bundle) / "bundle", "best")


def test_the_run_whose_model_classify_uses_says_so_and_can_be_demoted(open_page, promoted):
    page = open_page(run="mine")
    assert "Classify uses this model: it is promoted as **best**" in said(page) and "promote" not in buttons(
        page
    )
    page.button(key="demote").click().run()
    assert (
        "then promote it" in said(checked(page))
        and "promote" in buttons(page)
        and "demote" not in buttons(page)
    )


def test_the_run_whose_model_classify_does_not_use_can_be_promoted(open_page, folder, promoted, tiny_bundle):
    card = make_run(folder, "other", "completed", bundle=tiny_bundle) / "bundle" / "card.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"weights_sha256": "0" * 64}))
    page = open_page(run="other")
    assert (
        "promote" in buttons(page)
        and "demote" not in buttons(page)
        and "Classify uses this" not in said(page)
    )


def test_a_promoted_model_can_be_removed_and_that_asks_first(open_page, promoted):
    demote()
    page = open_page()
    page.button(key="remove").click().run()
    assert promoted.exists() and {"remove_now", "remove_not"} <= buttons(checked(page))
    page.button(key="remove_now").click().run()
    assert (
        not promoted.exists()
        and "The model best was removed" in said(checked(page))
        and "remove" not in buttons(page)
    )


def test_a_read_only_telltale_neither_demotes_nor_removes(open_page, promoted, monkeypatch):
    monkeypatch.setenv("TELLTALE_READONLY", "1")
    listed, opened = open_page(), open_page(run="mine")
    assert not {"demote", "remove", "promote"} & (
        buttons(listed) | buttons(opened)
    ) and "Classify uses this model" in said(opened)


def test_where_no_model_can_be_written_promoting_says_which_variable_to_set(
    open_page, folder, tiny_bundle, monkeypatch
):
    make_run(folder, "mine", "completed", bundle=tiny_bundle)
    monkeypatch.setattr(promotion, "writable", lambda folder: False)
    button = open_page(run="mine").button(key="promote")
    assert button.disabled and "Set TELLTALE\\_WEIGHTS" in button.help


def test_where_no_run_can_be_written_the_page_says_which_variable_to_set(open_page, folder, monkeypatch):
    make_run(folder, "mine", "failed")
    monkeypatch.setattr(store, "writable", lambda folder: False)
    listed, opened = open_page(), open_page(run="mine")
    assert "Set TELLTALE\\_RUNS" in listed.info[0].value and "Set TELLTALE\\_RUNS" in opened.info[0].value
    assert not {"start", "make_practice", "resume", "delete", "again"} & (buttons(listed) | buttons(opened))


def test_a_run_that_was_deleted_elsewhere_leads_back_to_the_list(open_page, folder):
    path = make_run(folder, "mine", "completed")
    make_run(folder, "other", "completed")
    page = open_page(run="mine")
    shutil.rmtree(path)
    page.run()
    assert "There is no run named 'mine'" in checked(page).warning[0].value.replace("\\", "")
    assert "run" not in page.query_params and page.get("tab")


def test_the_list_is_drawn_anew_once_runs_have_changed_elsewhere(folder, monkeypatch):
    path = make_run(folder, "mine", "failed")
    shown, again = history._states(runs.all_runs()), []
    monkeypatch.setattr(history.st, "rerun", lambda: again.append(True))
    history._look_again(shown)
    assert not again
    shutil.rmtree(path)
    history._look_again(shown)
    assert again


def test_a_figure_that_was_not_measured_is_a_dash(open_page, folder, tiny_bundle):
    card = make_run(folder, "mine", "completed", bundle=tiny_bundle) / "bundle" / "card.json"
    content = json.loads(card.read_text())
    content["metrics"]["test"].pop("precision")  # of a model that called nothing AI-generated there is none
    card.write_text(json.dumps(content))
    table = next(frame for frame in open_page(run="mine").dataframe if "roc_auc" in frame.value)
    assert np.isnan(table.value.loc["test", "precision"]) and table.proto.placeholder == "–"


def test_a_model_that_was_not_calibrated_says_so(open_page, folder, tiny_bundle):
    card = make_run(folder, "mine", "completed", bundle=tiny_bundle) / "bundle" / "card.json"
    assert "Not calibrated" not in said(open_page(run="mine"))
    content = json.loads(card.read_text())
    content["calibration"] = {"method": "none", "temperature": 1.0, "why": "Not calibrated: too few."}
    card.write_text(json.dumps(content))
    assert "Not calibrated\\: too few" in open_page(run="mine").warning[0].value


def test_what_makes_figures_worthless_is_said_before_start(open_page, pictures):
    shutil.copy(pictures / "real" / "1.png", pictures / "ai" / "1.png")
    page = open_page()
    page.text_input(key="data_folder").set_value(str(pictures)).run()
    warning, text = checked(page).warning[0].value, said(page)
    assert "2 images are the same picture under both labels" in warning and "ai\\/1" in warning
    assert "The val split has only" in text and "say little" in text
    assert not page.button(key="start").disabled


@pytest.mark.parametrize("state", STATES)
def test_a_read_only_telltale_shows_everything_and_offers_nothing(
    open_page, folder, tiny_bundle, monkeypatch, state
):
    monkeypatch.setenv("TELLTALE_READONLY", "1")
    make_run(folder, "mine", state, bundle=tiny_bundle if state == "completed" else None)
    writing = {
        "start",
        "start_all",
        "stop",
        "resume",
        "delete",
        "promote",
        "demote",
        "make_practice",
        "measure",
    }
    listed, opened = open_page(), open_page(run="mine")
    assert "read-only" in said(listed).replace("\\", "")
    assert not writing & (buttons(listed) | buttons(opened))
    assert len(opened.get("plotly_chart")) == (0 if state == "queued" else 4)


# ---- untrusted text


def test_hostile_names_and_reasons_stay_text(open_page, folder):
    make_run(folder, "mine", "failed", reason=HOSTILE, data="/pictures/" + HOSTILE)
    hostile = folder / "**x** <b>y"
    shutil.copytree(folder / "mine", hostile)
    for page in (open_page(run="mine"), open_page(run=hostile.name), open_page(view="Runs")):
        for element in page.markdown:
            assert (
                "<script>" not in element.value
                and "](http" not in element.value
                and "**x** <b>" not in element.value
            )
