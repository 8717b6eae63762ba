"""The one-way flow of docs/architecture.md, held by reading every import and by importing what must stay
light."""

import ast
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARIES = ("detector", "train")
DASHBOARD = ("ui", "pages", "streamlit_app.py")
MEASURING = ("benchmarks", "experiments")
ROOMS = ("detector", "train", "ui", "pages", *MEASURING, "tests")
FILES = [ROOT / "streamlit_app.py", *(file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py")))]
FRAMEWORKS = ("tensorflow", "keras")
TRAINING = (
    "train/loop.py",
    "train/losses.py",
    "train/optimizers.py",
    "train/finish.py",
    "train/device.py",
    "train/checkpoints.py",
    "train/data_parallel.py",
)
"""Imported by a training process alone, which needs the framework anyway."""


def room(file: Path) -> str:
    """ "detector" for detector/explain/heatmap.py, "streamlit_app.py" for that file."""
    return file.relative_to(ROOT).parts[0]


def imports(file: Path, only_on_import: bool = False) -> list[str]:
    """Dotted names a file imports, ``from a import b`` as "a.b"; with ``only_on_import`` only those that
    run when it is imported."""
    package = file.relative_to(ROOT).parent.parts
    found: list[str] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            found.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = list(package[: len(package) - node.level + 1]) if node.level else []
            module = ".".join(start + ([node.module] if node.module else []))
            found.extend(f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in (
            "import_module",
            "__import__",
        ):
            found.extend(argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant))
        deferred = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        if only_on_import and (
            deferred or isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        ):
            return
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(file.read_text("utf-8"), str(file)))
    return found


def violations(rooms: tuple[str, ...], forbidden, only_on_import: bool = False) -> list[str]:
    """ "file imports name" for every import in the rooms for which ``forbidden(name)``."""
    return [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in FILES
        if room(file) in rooms
        for name in imports(file, only_on_import)
        if forbidden(name)
    ]


def within(*packages: str):
    """Whether a dotted name is one of the packages or lies in one."""
    return lambda name: any(name == package or name.startswith(f"{package}.") for package in packages)


# ---- the reader itself


def test_reader_finds_every_kind_of_import(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "ui").mkdir()
    file = tmp_path / "ui" / "x.py"
    file.write_text(
        "import a.b, c as d\nfrom e import f\nfrom . import g\nfrom .h import i\nif TYPE_CHECKING:\n   "
        " import j\ndef k():\n    import l\nclass M:\n    import n\ntry:\n    import o\nexcept ImportError:\n"
        "    pass\nimport_module('p')\n"
    )
    assert imports(file) == ["a.b", "c", "e.f", "ui.g", "ui.h.i", "j", "l", "n", "o", "p"]
    assert imports(file, only_on_import=True) == ["a.b", "c", "e.f", "ui.g", "ui.h.i", "n", "o", "p"]


def test_there_is_something_to_read():
    assert {*ROOMS, "streamlit_app.py"} == {room(file) for file in FILES}


# ---- which room may import which


def test_streamlit_is_imported_only_where_pages_are_made():
    assert violations((*LIBRARIES, *MEASURING), within("streamlit")) == []


def test_detector_imports_no_other_room():
    assert violations(("detector",), within("train", *DASHBOARD, *MEASURING, "tests")) == []


def test_train_imports_neither_ui_nor_pages():
    assert violations(("train",), within(*DASHBOARD, *MEASURING, "tests")) == []


def test_ui_does_not_import_tests_or_benchmarks():
    assert violations(DASHBOARD, within(*MEASURING, "tests")) == []


def test_experiments_know_the_libraries_alone_and_benchmarks_no_experiment():
    assert violations(("experiments",), within("benchmarks", *DASHBOARD)) == []
    assert violations(("benchmarks",), within("experiments")) == []


def test_only_benchmarks_import_tests_and_of_these_only_the_doubles():
    """A storm of kills and the app in a browser serve both as a test and as a measurement."""
    doubles = within("tests.support")
    assert violations(("experiments",), within("tests")) == []
    assert violations(("benchmarks",), lambda name: within("tests")(name) and not doubles(name)) == []


def test_doubles_import_no_test_and_no_benchmark():
    support = [file for file in FILES if file.is_relative_to(ROOT / "tests" / "support")]
    others = [
        (file.name, name)
        for file in support
        for name in imports(file)
        if within(*MEASURING)(name) or within("tests")(name) and not within("tests.support")(name)
    ]
    assert support and others == []


def page(file: Path) -> str:
    """ "pages.classify" for pages/classify/maps.py, "" for a file of another room."""
    parts = file.relative_to(ROOT).parts
    return ".".join(parts[:2]) if parts[0] == "pages" and len(parts) > 2 else ""


def test_only_a_page_imports_what_lies_in_its_folder():
    others = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in FILES
        if room(file) != "tests"
        for name in imports(file)
        if within("pages")(name) and not (page(file) and within(page(file))(name))
    ]
    assert others == []


def test_pages_know_only_the_runs_and_recipes_of_train():
    allowed = within("train.runs", "train.recipes")
    assert (
        violations(
            ("pages", "ui", "streamlit_app.py"), lambda name: within("train")(name) and not allowed(name)
        )
        == []
    )


def test_frameworks_are_imported_inside_functions_outside_the_training_process():
    found = violations((*LIBRARIES, *DASHBOARD), within(*FRAMEWORKS), only_on_import=True)
    assert [line for line in found if not line.startswith(TRAINING)] == []


def test_loop_and_its_neighbours_are_imported_only_by_the_training_process():
    modules = [name.removesuffix(".py").replace("/", ".") for name in TRAINING]
    assert violations(("detector", *DASHBOARD), within(*modules)) == []
    light = [
        ROOT / "train" / "__init__.py",
        *(file for name in ("runs", "recipes") for file in (ROOT / "train" / name).rglob("*.py")),
    ]
    assert [(file.name, name) for file in light for name in imports(file) if within(*modules)(name)] == []


def test_evaluation_and_runs_never_import_a_framework():
    files = [
        file
        for folder in ("detector/evaluation", "detector/datasets", "train/runs")
        for file in (ROOT / folder).rglob("*.py")
    ]
    assert [(file.name, name) for file in files for name in imports(file) if within(*FRAMEWORKS)(name)] == []


def test_runs_needs_the_standard_library_psutil_and_what_needs_no_more_alone():
    files = (ROOT / "train" / "runs").rglob("*.py")
    allowed = {*sys.stdlib_module_names, "psutil"}
    found = [
        (file.name, name) for file in files for name in imports(file) if name.split(".")[0] not in allowed
    ]
    own = within("train.runs", "detector.atomic_files", "detector.home_folder", "detector.printable")
    assert [(file, name) for file, name in found if not own(name)] == []


@pytest.mark.parametrize("name", ["atomic_files", "home_folder", "printable"])
def test_files_and_their_names_need_the_standard_library_alone(name):
    found = imports(ROOT / "detector" / f"{name}.py")
    assert [name for name in found if name.split(".")[0] not in sys.stdlib_module_names] == []


def test_ui_and_pages_never_import_a_framework():
    assert violations(DASHBOARD, within(*FRAMEWORKS)) == []


# ---- what files are called

SHARED_NAMES = {"__init__.py", "__main__.py", "page.py", "conftest.py"}
"""What Python, Streamlit and pytest want to be called the same in every folder."""


def test_no_two_files_of_one_name_mean_different_things():
    called: dict[str, list[str]] = defaultdict(list)
    for file in FILES:
        if file.name not in SHARED_NAMES:
            called[file.name].append(str(file.relative_to(ROOT)))
    assert {name: paths for name, paths in called.items() if len(paths) > 1} == {}


# ---- what importing costs

LIGHT = {
    "detector": {"tensorflow", "keras", "streamlit", "scipy", "sklearn", "pandas", "numpy", "cv2"},
    "detector.bundle": {"tensorflow", "keras", "streamlit", "scipy", "sklearn", "pandas"},
    "detector.classifier": {"tensorflow", "keras", "streamlit", "scipy", "sklearn", "pandas"},
    "detector.overlay": {"tensorflow", "keras", "streamlit", "scipy", "sklearn", "pandas"},
    "detector.case_files": {"tensorflow", "keras", "streamlit", "scipy", "sklearn", "pandas"},
    "detector.kept_cases": {"tensorflow", "keras", "streamlit", "scipy", "sklearn", "pandas"},
    "detector.web_pictures": {"tensorflow", "keras", "streamlit", "scipy", "sklearn", "pandas"},
    "detector.reports": {"tensorflow", "keras", "streamlit", "scipy", "sklearn", "pandas", "fpdf"},
    "detector.datasets": {"tensorflow", "keras", "streamlit"},
    "detector.evaluation.predictions": {"tensorflow", "keras", "streamlit"},
    "detector.evaluation.metrics": {"tensorflow", "keras", "streamlit"},
    "train.runs": {"tensorflow", "keras", "streamlit"},
    "train.recipes": {"tensorflow", "keras", "streamlit"},
}
"""Module -> what must not be loaded after it and all above it were imported."""


@pytest.fixture(scope="module")
def loaded() -> dict[str, list[str]]:
    """For each module of ``LIGHT`` the top-level packages in memory after importing it and those before
    it, in one fresh process."""
    code = "import importlib, json, sys\nfor name in sys.argv[1:]:\n importlib.import_module(name)\n"
    code += " print(json.dumps(sorted({n.partition('.')[0] for n in sys.modules})))"
    process = subprocess.run([sys.executable, "-c", code, *LIGHT], cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return dict(zip(LIGHT, map(json.loads, process.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("module", LIGHT)
def test_importing_stays_light(loaded, module):
    assert LIGHT[module].isdisjoint(loaded[module])


def test_importing_detector_takes_no_time():
    code = "import time; start = time.perf_counter(); import detector; print(time.perf_counter() - start)"
    assert (
        float(subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout)
        < 0.2
    )


def test_every_public_name_is_there():
    import detector

    assert sorted(detector._HOME) == detector.__all__
    for name in detector.__all__:
        assert getattr(detector, name).__name__ == name
    assert dir(detector) == sorted(detector.__all__)


def test_unknown_public_name_is_an_attribute_error():
    import detector

    assert not hasattr(detector, "nothing")
