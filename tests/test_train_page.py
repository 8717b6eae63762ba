"""The Train page, run by Streamlit's AppTest on run directories made by hand. Real runs and what needs a browser: tests/browser/test_train.py."""

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from run_folders import STATES, make_run
from streamlit.testing.v1 import AppTest

from detector.bundle import default_bundle
from detector.promotion import demote, promote
from detector.survey import CHECKING
from train import runs
from train.recipes import Recipe, load_recipe, names
from ui.train import curves, history, rate, settings, words
from ui.train import folder as folder_part
from ui.train.log import LINE_LENGTH, LINES, Tail

ROOT = Path(__file__).parents[1]
PAGE = str(ROOT / "pages" / "train.py")
HOSTILE = "<script>alert(1)</script> **[x](http://x)** :material/home: $x$ \x1b[31m\u202e"


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The folder of runs, still empty."""
    monkeypatch.setenv("TELLTALE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.delenv("TELLTALE_READONLY", raising=False)
    monkeypatch.setattr(folder_part, "QUICK_SECONDS", 60.0)  # a busy machine shows what a quiet one does
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
            Image.fromarray(rng.integers(0, 255, (40, 50, 3), np.uint8)).save(tmp_path / "pictures" / name / f"{number}.png")
    (tmp_path / "pictures" / "ai" / "0.png").write_bytes(b"no picture")
    return tmp_path / "pictures"


def checked(page: AppTest) -> AppTest:
    assert not page.exception, page.exception[0].message
    return page


def said(page: AppTest) -> str:
    return "\n".join(element.value for kind in ("markdown", "caption", "info", "warning", "error", "success") for element in page.get(kind))


def buttons(page: AppTest) -> set[str]:
    return {button.key for button in page.button}


def fill(page: AppTest, key: str, value) -> AppTest:
    """Put a value into a setting of the recipe that is chosen."""
    kinds = {bool: page.toggle, str: page.text_input}
    widgets = kinds.get(type(value), page.number_input)
    widgets(key=f"setting:{page.selectbox(key='recipe').value}:{key}").set_value(value)
    return checked(page.run())


# ---- opening -----------------------------------------------------------------------------------------------------------------


def test_the_page_loads_neither_tensorflow_nor_scikit_learn(folder):
    make_run(folder, "one", "completed")
    code = (
        "import sys; import train.runs; from streamlit.testing.v1 import AppTest;"  # first, because AppTest looks for modules beside the page
        "page = AppTest.from_file('pages/train.py', default_timeout=90).run();"
        "assert not page.exception; print([name for name in ('tensorflow', 'keras', 'sklearn') if name in sys.modules])"
    )
    environment = {"TELLTALE_RUNS": str(folder), "PATH": ""}
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert process.stdout.strip() == "[]", process.stderr


def test_where_nothing_was_trained_the_page_says_how_to_begin(open_page):
    page = open_page()
    assert "Nothing has been trained here yet" in said(page) and "make_practice" in buttons(page)
    page.button(key="make_practice").click().run()
    assert "Now press **Start**" in checked(page).info[0].value and "Nothing has been trained" not in said(page)


def test_a_recipe_that_starts_from_random_weights_offers_no_others(open_page):
    page = open_page()
    assert not page.segmented_control(key="weights:efficientnetv2b0-attention").disabled
    page.selectbox(key="recipe").set_value("practice").run()
    control = checked(page).segmented_control(key="weights:practice")
    assert control.disabled and control.value == "none"


def test_a_folder_of_runs_that_cannot_be_read_gets_a_sentence(open_page, folder):
    folder.rmdir()
    folder.write_text("a file")
    assert "cannot be read" in open_page().error[0].value


# ---- the form ----------------------------------------------------------------------------------------------------------------


def test_the_data_folder_is_checked_at_once(open_page, pictures):
    page = open_page()
    page.text_input(key="data_folder").set_value(str(pictures)).run()
    text = said(checked(page))
    assert "**23 pictures**: 11 AI-generated, 12 real" in text and "short side 40 pixels" in text
    assert "ai\\/0" in text and not page.button(key="start").disabled


@pytest.mark.parametrize("typed", ["/no/such/folder", "\0", "~nobody-of-that-name/x", HOSTILE, "/dev/null", "a" * 1000])
def test_a_folder_that_will_not_do_gets_a_sentence_and_no_start(open_page, typed):
    page = open_page()
    page.text_input(key="data_folder").set_value(typed).run()
    assert len(checked(page).error) == 1 and page.button(key="start").disabled
    assert "<script>" not in page.error[0].value


def test_a_check_that_takes_long_shows_how_far_it_is_and_holds_up_nothing_but_the_start(open_page, pictures, monkeypatch):
    finish, look = threading.Event(), folder_part.survey

    def slow(folder, progress):
        progress(CHECKING, 5, 20)
        finish.wait(60)
        return look(folder)

    monkeypatch.setattr(folder_part, "survey", slow)
    monkeypatch.setattr(folder_part, "QUICK_SECONDS", 0.5)
    page = open_page()
    page.text_input(key="data_folder").set_value(str(pictures)).run()
    assert checked(page).get("progress")[0].proto.text == "Checking pictures: 5 of 20" and page.button(key="start").disabled
    fill(page, "seed", 3)
    finish.set()
    monkeypatch.setattr(folder_part, "QUICK_SECONDS", 60.0)
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
    assert page.text_input(key="data_folder").value == str(folder / ".practice-set") and page.selectbox(key="recipe").value == "practice"
    assert "practice set" in said(checked(page)) and not page.button(key="start").disabled


def test_the_command_is_the_one_that_is_started(open_page, pictures, monkeypatch):
    page = open_page()
    page.text_input(key="data_folder").set_value(f"  '{pictures}' ").run()
    page.selectbox(key="recipe").set_value("tiny-attention").run()
    fill(page, "finetune.epochs", 2)
    fill(page, "finetune.learning_rate", 0.001)
    started = []
    monkeypatch.setattr(runs, "start", lambda *arguments, **named: started.append(arguments) or runs.find("other"))
    make_run(runs.folder(), "other", "completed")
    shown = page.code[0].value
    page.button(key="start").click().run()
    recipe, overrides, data, run_id, device = started[0]
    assert overrides == ["finetune.epochs=2", "finetune.learning_rate=0.001"] and (recipe, data) == ("tiny-attention", str(pictures))
    assert shown.endswith(f"--run-dir {runs.folder() / run_id} --set finetune.epochs=2 --set finetune.learning_rate=0.001 --device {device}")
    assert page.query_params["run"] == "other"


def test_the_same_form_sent_twice_carries_the_same_token_and_another_form_another(open_page, pictures, monkeypatch):
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
    assert open_page().text_input(key="run_name:efficientnetv2b0-attention-2").value == "efficientnetv2b0-attention-2"


def test_backbone_weights_from_a_file_or_none_go_into_the_command(open_page, tmp_path):
    page = open_page()
    page.segmented_control(key="weights:efficientnetv2b0-attention").set_value("none").run()
    assert "--set backbone_weights=none" in checked(page).code[0].value
    page.segmented_control(key="weights:efficientnetv2b0-attention").set_value("file").run()
    page.text_input(key="weights_file:efficientnetv2b0-attention").set_value(str(tmp_path / "w; rm -rf x.h5")).run()
    assert "There is no file" in said(checked(page)) and "rm -rf x.h5\"'" in page.code[0].value


# ---- settings ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", names())
def test_every_setting_of_every_recipe_is_on_the_form_once(name):
    recipe = load_recipe(name)
    paths = [setting.path for setting in settings.settings(recipe)]
    expected = {path for path in history._flat(recipe.to_dict()) if path not in settings.ELSEWHERE and "architecture_arguments" not in path}
    assert expected | {"architecture_arguments.heads"} <= set(paths) and len(paths) == len(set(paths)) and set(settings.MAIN) <= set(paths)


def test_another_architecture_brings_its_own_arguments(open_page):
    page = open_page()
    recipe = "efficientnetv2b0-attention-cutmix"
    page.selectbox(key="recipe").set_value(recipe).run()
    key = f"setting:{recipe}:architecture_arguments"
    assert page.number_input(key=f"{key}.key_dim").value == 128
    page.selectbox(key=f"setting:{recipe}:architecture").set_value("efficientnetv2b0-multilevel-attention").run()
    arguments = {argument: f"{key}.{argument}:efficientnetv2b0-multilevel-attention" for argument in ("heads", "key_dim", "channels")}
    shown = {argument: checked(page).number_input(key=key).value for argument, key in arguments.items()}
    assert shown == {"heads": 1, "key_dim": 64, "channels": 64}, "the recipe's one head, and the architecture's own defaults"


def test_settings_carry_the_comment_beside_them():
    of = {setting.path: setting.meaning for setting in settings.settings(Recipe("x"))}
    assert of["augmentation.flip"] == "mirror left-right with probability 1/2" and of["finetune.monitor"] == "one of MONITORS"


@pytest.mark.parametrize(
    ("path", "value"),
    [("title", 'a "quoted" = \\ title'), ("title", "7"), ("title", "true"), ("augmentation.jpeg_quality", (40, 95)), ("augmentation.flip", False),
     ("frozen.learning_rate", 1e-5), ("decision.threshold", "0.5")],
)  # fmt: skip
def test_every_value_survives_its_way_through_the_command_line(path, value):
    recipe = load_recipe("tiny-attention", [f"{path}={settings.as_toml(value)}"])
    for name in path.split("."):
        recipe = getattr(recipe, name)
    assert recipe == value and type(recipe) is type(value)


# ---- how long it takes -------------------------------------------------------------------------------------------------------


def test_the_time_needed_comes_from_the_epochs_of_an_earlier_run_like_this_one():
    recipe = load_recipe("tiny-attention", ["frozen.epochs=2", "finetune.epochs=3", "batch_size=10"])
    rows = [{"stage": "frozen", "seconds": 9.0}, {"stage": "frozen", "seconds": 5.0}, {"stage": "finetune", "seconds": 20.0}]
    rates = rate.of_earlier_runs(recipe, "cpu", [("cpu", recipe.to_dict(), rows, 10)])
    assert rates == {"frozen": 20.0, "finetune": 5.0}  # 100 pictures in 5 s, the first epoch left out; 100 in 20 s
    assert rate.seconds(recipe, 200, rates) == 2 * 200 / 20 + 3 * 200 / 5


@pytest.mark.parametrize("other", [{"batch_size": 4}, {"architecture": "another"}, {"finetune": {"unfreeze": "none"}}])
def test_a_run_of_another_kind_says_nothing_about_the_time(other):
    recipe = load_recipe("tiny-attention")
    rows = [{"stage": "finetune", "seconds": 5.0}]
    assert rate.of_earlier_runs(recipe, "cpu", [("cpu", recipe.to_dict() | other, rows, 10)]) == {}
    assert rate.of_earlier_runs(recipe, "cuda:0", [("cpu", recipe.to_dict(), rows, 10)]) == {}
    assert rate.seconds(recipe, 200, {}) is None


def test_a_measurement_trains_both_stages_for_real():
    recipe = load_recipe("tiny-attention", ["frozen.epochs=7", "batch_size=4"])
    rates = rate.measured("tiny-attention", ["frozen.epochs=7", "batch_size=4"], recipe, "cpu")
    assert set(rates) == {"frozen", "finetune"} and all(1 < each < 1e5 for each in rates.values())


def test_without_any_measurement_the_form_offers_one_instead_of_a_guess(open_page, pictures, monkeypatch):
    page = open_page()
    page.text_input(key="data_folder").set_value(str(pictures)).run()
    assert "was not measured here yet" in said(checked(page)) and "measure" in buttons(page)
    monkeypatch.setattr(rate, "measured", lambda *_: {"frozen": 10.0, "finetune": 2.0})
    page.button(key="measure").click().run()
    assert "a measurement on this machine" in said(checked(page)) and "measure" not in buttons(page)


# ---- runs --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", STATES)
def test_every_state_shows_its_name_its_reason_and_what_can_be_done(open_page, folder, state):
    make_run(folder, "mine", state, reason="Because of **this**." if state in ("failed", "stopped") else "")
    page = open_page(run="mine")
    run = runs.find("mine")
    assert run.state == state
    assert any(words.STATES[state][0] in element.value and "-badge[" in element.value for element in page.markdown)
    assert state not in ("failed", "stopped") or "Because of \\*\\*this\\*\\*\\." in said(page)
    assert {name for name in ("stop", "resume", "delete", "promote") if name in buttons(page)} == run.actions


@pytest.mark.parametrize("state", STATES)
def test_what_follows_a_live_run_stands_at_the_same_place_in_every_state(open_page, folder, state):
    """A fragment draws where it stood when the page was last drawn. Were another part there by now, the browser would refuse what is drawn."""
    make_run(folder, "theirs", "running")
    make_run(folder, "mine", state, reason="So it is.")
    landmarks = {"#### Curves", "#### Log"}
    assert places(open_page(run="mine"), landmarks) == places(open_page(run="theirs"), landmarks)


def test_a_message_on_top_moves_nothing_below_it(open_page, folder):
    make_run(folder, "mine", "running")
    silent, told = open_page(run="mine"), AppTest.from_file(PAGE, default_timeout=120)
    told.query_params["run"], told.session_state["train_done"] = "mine", "It is done."
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
    found = {node.value: path for path, node in nodes(page) if node.type == "markdown" and node.value in texts}
    assert found.keys() == texts
    return found


def test_progress_is_told_as_the_run_writes_it(open_page, folder):
    make_run(folder, "mine", "running")
    page = open_page(run="mine")
    bar = page.get("progress")[0].proto
    assert bar.text == "Fine-tuning · epoch 3 of 5 · step 40 of 100 · 20 images/s · at most 13 min left" and bar.value == 48


@pytest.mark.parametrize("written", ["[]", '{"stage": 7, "epoch": "x", "step": NaN}', "{", '{"epoch": 1e999, "epochs": 0}'])
def test_a_damaged_progress_file_hurts_nobody(open_page, folder, written):
    run = make_run(folder, "mine", "running")
    (run / "progress.json").write_text(written)
    open_page(run="mine")


@pytest.mark.parametrize(
    "metrics", ["", "a", "stage,epoch\n", "loss,val_loss\nx,y\n", "\0\0\n1", "stage,epoch,loss\nfrozen,1,inf\n<b>x</b>,2,0.5\n"]
)  # fmt: skip
def test_damaged_metrics_hurt_nobody(open_page, folder, metrics):
    run = make_run(folder, "mine", "completed")
    (run / "metrics.csv").write_text(metrics)
    assert "<b>x" not in json.dumps([chart.proto.spec for chart in open_page(run="mine").get("plotly_chart")])
    open_page(view="Runs")


def test_the_curves_show_train_and_validation_together(open_page, folder):
    make_run(folder, "mine", "completed")
    page = open_page(run="mine")
    drawn = [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]
    assert [figure["layout"]["title"]["text"] for figure in drawn] == ["Loss", "Accuracy", "ROC AUC", "Learning rate"]
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
    assert table.loc["good", "Best val AUC"] == 0.78 and table.loc["good", "Took"] == 31.0
    measured = json.loads((tiny_bundle / "card.json").read_text())["metrics"]["test"]
    assert table.loc["good", "Test AUC"] == measured["roc_auc"] and np.isnan(table.loc["bad", "Test AUC"])


def test_a_finished_run_without_its_model_is_not_called_ready(open_page, folder):
    make_run(folder, "mine", "completed")
    assert "its model is not there" in said(open_page(run="mine")) and "resume" in buttons(open_page(run="mine"))


def test_several_runs_are_drawn_over_each_other_with_what_they_do_differently(open_page, folder, monkeypatch):
    make_run(folder, "one", "completed")
    make_run(folder, "two", "completed", overrides=("finetune.learning_rate=1e-4",))
    page = AppTest.from_function(_compare, default_timeout=60)
    table = checked(page.run()).dataframe[0].value
    assert table.to_dict("records") == [{"Setting": "finetune.learning_rate", "one": "0.003", "two": "0.0001"}]
    drawn = curves.figures({run.id: curves.table(run.metrics()) for run in runs.all_runs()})
    assert {trace.name for trace in drawn["auc"].data} == {"one, train", "one, validation", "two, train", "two, validation"}


def _compare():
    from train import runs
    from ui.train import history

    history._differences(sorted(runs.all_runs(), key=lambda run: run.id))


# ---- the log -----------------------------------------------------------------------------------------------------------------


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


# ---- what can be done --------------------------------------------------------------------------------------------------------


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


def test_promoting_asks_for_a_name_and_makes_the_model_the_one_classify_uses(open_page, folder, tiny_bundle, monkeypatch):
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


@pytest.fixture
def promoted(folder, tiny_bundle) -> Path:
    """Where the model of the run "mine" lies, which Classify uses instead of the one that ships."""
    shutil.copytree(tiny_bundle, folder.parent / "weights" / "efficientnetv2b0-attention")
    return promote(make_run(folder, "mine", "completed", bundle=tiny_bundle) / "bundle", "best")


def test_the_run_whose_model_classify_uses_says_so_and_can_be_demoted(open_page, promoted):
    page = open_page(run="mine")
    assert "Classify uses this model: it is promoted as **best**" in said(page) and "promote" not in buttons(page)
    page.button(key="demote").click().run()
    assert "then promote it" in said(checked(page)) and "promote" in buttons(page) and "demote" not in buttons(page)


def test_the_run_whose_model_classify_does_not_use_can_be_promoted(open_page, folder, promoted, tiny_bundle):
    card = make_run(folder, "other", "completed", bundle=tiny_bundle) / "bundle" / "card.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"weights_sha256": "0" * 64}))
    page = open_page(run="other")
    assert "promote" in buttons(page) and "demote" not in buttons(page) and "Classify uses this" not in said(page)


def test_a_promoted_model_can_be_removed_and_that_asks_first(open_page, promoted):
    demote()
    page = open_page()
    page.button(key="remove").click().run()
    assert promoted.exists() and {"remove_now", "remove_not"} <= buttons(checked(page))
    page.button(key="remove_now").click().run()
    assert not promoted.exists() and "The model best was removed" in said(checked(page)) and "remove" not in buttons(page)


def test_a_read_only_telltale_neither_demotes_nor_removes(open_page, promoted, monkeypatch):
    monkeypatch.setenv("TELLTALE_READONLY", "1")
    listed, opened = open_page(), open_page(run="mine")
    assert not {"demote", "remove", "promote"} & (buttons(listed) | buttons(opened)) and "Classify uses this model" in said(opened)


def test_a_figure_that_was_not_measured_is_a_dash(open_page, folder, tiny_bundle):
    card = make_run(folder, "mine", "completed", bundle=tiny_bundle) / "bundle" / "card.json"
    content = json.loads(card.read_text())
    content["metrics"]["test"].pop("precision")  # of a model that called nothing AI-generated there is none
    card.write_text(json.dumps(content))
    table = next(frame for frame in open_page(run="mine").dataframe if "roc_auc" in frame.value)
    assert np.isnan(table.value.loc["test", "precision"]) and table.proto.placeholder == "–"


@pytest.mark.parametrize("state", STATES)
def test_a_read_only_telltale_shows_everything_and_offers_nothing(open_page, folder, tiny_bundle, monkeypatch, state):
    monkeypatch.setenv("TELLTALE_READONLY", "1")
    make_run(folder, "mine", state, bundle=tiny_bundle if state == "completed" else None)
    writing = {"start", "stop", "resume", "delete", "promote", "demote", "make_practice", "measure"}
    listed, opened = open_page(), open_page(run="mine")
    assert "read-only" in said(listed)
    assert not writing & (buttons(listed) | buttons(opened))
    assert len(opened.get("plotly_chart")) == (0 if state == "queued" else 4)


# ---- untrusted text ----------------------------------------------------------------------------------------------------------


def test_hostile_names_and_reasons_stay_text(open_page, folder):
    make_run(folder, "mine", "failed", reason=HOSTILE, data="/pictures/" + HOSTILE)
    hostile = folder / "**x** <b>y"
    shutil.copytree(folder / "mine", hostile)
    for page in (open_page(run="mine"), open_page(run=hostile.name), open_page(view="Runs")):
        for element in page.markdown:
            assert "<script>" not in element.value and "](http" not in element.value and "**x** <b>" not in element.value


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "–"), (float("nan"), "–"), (-1, "–"), (0, "0 s"), (89, "89 s"), (90, "2 min"), (5400, "1 h 30 min")]
)  # fmt: skip
def test_durations_in_words(seconds, text):
    assert words.duration(seconds) == text
