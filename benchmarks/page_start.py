"""What it costs to open a page: a fresh Python process each time, until the page's first run is done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

# Streamlit's import and the run are timed, the test harness's own import between them is not. It brings in
# nothing but parts of unittest that the page could profit from. The model's start in the background
# (ui/models.py) is not a cost of the page, and would disturb the timing: work handed to the pool named
# "load-model" is put off for ever.
_RUN_PAGE = """
import json, sys, time
# AppTest puts pages/ first on the search path, and there is a folder called train.
import train
from concurrent.futures import Future, ThreadPoolExecutor
start = time.perf_counter()
import streamlit
imported = time.perf_counter()
from streamlit.testing.v1 import AppTest
submit = ThreadPoolExecutor.submit
def submit_or_put_off(pool, *work, **named):
    if pool._thread_name_prefix.startswith("load-model"):
        return Future()
    return submit(pool, *work, **named)
ThreadPoolExecutor.submit = submit_or_put_off
page = AppTest.from_file(sys.argv[1], default_timeout=90)
begun = time.perf_counter()
page.run()
seconds = imported - start + time.perf_counter() - begun
problems = [error.message for error in page.exception]
print(json.dumps({"seconds": seconds, "tensorflow": "tensorflow" in sys.modules, "problems": problems}))
"""


def page_seconds(page: Path, weights: Path) -> float:
    """Seconds to import Streamlit and run ``page`` once with the models of ``weights``.

    Raises RuntimeError if the page fails, or if TensorFlow was imported for it.
    """
    process = subprocess.run(
        [sys.executable, "-c", _RUN_PAGE, str(page)],
        cwd=ROOT,  # first on the search path, as with `streamlit run`
        env={**os.environ, "TELLTALE_WEIGHTS": str(weights)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if process.returncode:
        raise RuntimeError(f"{page} could not be run:\n{process.stderr}")
    outcome = json.loads(process.stdout.splitlines()[-1])
    if outcome["problems"]:
        raise RuntimeError(f"{page} failed: {outcome['problems'][0]}")
    if outcome["tensorflow"]:
        raise RuntimeError(f"{page} imported TensorFlow before there was anything to analyse.")
    return outcome["seconds"]
