"""The same table from a Ray cluster of two workers, one of which is killed midway."""

from __future__ import annotations

import os
import signal

import pandas as pd
import psutil
import pytest

from detector.score.listing import archive_at, write_listing
from detector.score.part_files import PartFiles
from detector.score.ray_engine import score_on_ray
from tests.score.conftest import png

ray = pytest.importorskip("ray", reason="Ray, the extra `ray`, is not installed")


@pytest.fixture
def cluster(monkeypatch):
    """Two workers on this machine, with nothing of them left afterwards."""
    monkeypatch.delenv("TELLTALE_RUNTIME")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


def a_worker() -> int:
    """The process of one of the actors, all of them this session's."""
    children = psutil.Process().children(recursive=True)
    return next(child.pid for child in children if "PartScorer" in " ".join(child.cmdline()))


def test_a_worker_killed_midway_loses_and_doubles_nothing(cluster, compiled_bundle, tmp_path, photo):
    (tmp_path / "photos").mkdir()
    names = [f"{number:03d}.png" for number in range(60)]
    for name in names:
        (tmp_path / "photos" / name).write_bytes(png(photo("warm")))
    archive = archive_at(str(tmp_path / "photos"))
    parts = PartFiles(tmp_path / "out.parquet", {"archive": archive.root})
    with parts.claimed(lambda path: write_listing(archive, path, 5)):
        killed = 0
        for number, table in score_on_ray(parts.pending(), str(compiled_bundle), archive.root, actors=2):
            parts.write(number, table)
            if not killed:
                os.kill(killed := a_worker(), signal.SIGKILL)
        parts.join("0" * 64)
    assert killed
    rows = pd.read_parquet(tmp_path / "out.parquet")
    assert rows["id"].tolist() == names
    assert set(rows["verdict"]) == {"ai"} and rows["error"].isna().all()
