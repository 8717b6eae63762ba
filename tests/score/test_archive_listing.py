"""Tar shards and manifests of strangers, and archives at URLs."""

from __future__ import annotations

import io
import sys
import tarfile

import pandas as pd
import pytest

from detector.score.errors import ScoreError
from detector.score.manifest_rows import ManifestReader, ManifestRow
from detector.score.tar_shards import Member, members
from tests.score.conftest import shard


def listed(path) -> list[Member]:
    with open(path, "rb") as file:
        return list(members(file))


def test_a_shard_lists_pictures_with_their_places_and_labels(tmp_path):
    shard(tmp_path / "s.tar", [("k.png", b"abc"), ("k.json", b"{}"), ("k.cls", b"0"), ("d/m.seg.JPG", b"de")])
    assert listed(tmp_path / "s.tar") == [Member("k.png", 512, 3, 0), Member("d/m.seg.JPG", 3584, 2)]


def test_labels_of_a_thousand_classes_are_none(tmp_path):
    shard(tmp_path / "s.tar", [("a.png", b"x"), ("a.cls", b"1"), ("b.png", b"x"), ("b.cls", b"817")])
    assert [member.y_true for member in listed(tmp_path / "s.tar")] == [None, None]


@pytest.mark.parametrize("name", [".a.png", ".thumbs/a.png", "x/__MACOSX/a.png", "@eaDir/a.png"])
def test_a_hidden_member_is_not_listed_nor_is_one_of_a_hidden_folder(tmp_path, name):
    shard(tmp_path / "s.tar", [(name, b"x"), ("./seen/a.png", b"x")])
    assert [member.name for member in listed(tmp_path / "s.tar")] == ["./seen/a.png"]


@pytest.mark.parametrize("name", ["../a.png", "/etc/a.png", "a\x1b[2J.png", "C:/a.png"])
def test_a_member_with_an_odd_name_is_refused(tmp_path, name):
    shard(tmp_path / "s.tar", [(name, b"x")])
    (member,) = listed(tmp_path / "s.tar")
    assert "not a plain path" in member.error


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    with tarfile.open(tmp_path / "s.tar", "w") as archive:
        entry = tarfile.TarInfo("a.png")
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    (member,) = listed(tmp_path / "s.tar")
    assert member.error in ("The member is a link, so it was not followed.", "The member is no plain file.")


def test_a_shard_that_is_cut_off_gives_what_came_before_and_then_the_reason(tmp_path):
    shard(tmp_path / "s.tar", [("a.png", b"x" * 600), ("b.png", b"y" * 600)])
    content = (tmp_path / "s.tar").read_bytes()
    found = []
    with pytest.raises(ScoreError, match="cannot be read on"):
        for member in members(io.BytesIO(content[: 1536 + 300])):
            found.append(member.name)
    assert found == ["a.png"]


def test_a_header_that_claims_gigabytes_is_not_read(tmp_path):
    entry = tarfile.TarInfo("././@PaxHeader")
    entry.type, entry.size = tarfile.XHDTYPE, 2**33
    with pytest.raises(ScoreError, match="header is too large"):
        list(members(io.BytesIO(entry.tobuf(tarfile.GNU_FORMAT) + bytes(1024))))


@pytest.mark.parametrize(
    ("columns", "twice"),
    [
        ("file,File", "file"),
        ("file,label,label", "label"),
        ("path,PATH", "path"),
        ("id,split, Split", "split"),
    ],
)
def test_a_manifest_with_a_column_twice_is_refused_and_the_column_named(tmp_path, columns, twice):
    (tmp_path / "list.csv").write_text(f"{columns}\na.png,ai,ai\n")
    with pytest.raises(ScoreError, match=f"list.csv has the column {twice} more than once"):
        ManifestReader(tmp_path / "list.csv")


def test_a_parquet_manifest_with_a_column_twice_is_refused_and_the_column_named(tmp_path):
    table = pd.DataFrame({"file": ["a.png"], "File": ["b.png"]})
    table.to_parquet(tmp_path / "list.parquet")
    with pytest.raises(ScoreError, match="list.parquet has the column file more than once"):
        ManifestReader(tmp_path / "list.parquet")


def test_a_manifests_columns_that_mean_nothing_here_may_be_there_twice(tmp_path):
    (tmp_path / "list.csv").write_text("note,Note,File,label\nx,y,a.png,0.0\n")
    assert list(ManifestReader(tmp_path / "list.csv").rows()) == [ManifestRow("a.png", 0, {})]


def test_a_parquet_manifest_may_have_a_pandas_index_of_its_own(tmp_path):
    table = pd.DataFrame({"file": ["a.png"], "label": [1]}, index=["first"])
    table.to_parquet(tmp_path / "list.parquet")
    assert list(ManifestReader(tmp_path / "list.parquet").rows()) == [ManifestRow("a.png", 1, {})]


def test_a_broken_shard_is_a_row_among_the_others(archive, score, tmp_path):
    (archive / "t.tar").write_bytes(b"no tar file" * 100)
    score(archive)
    rows = pd.read_parquet(tmp_path / "out.parquet").set_index("id")
    assert len(rows) == 11 and "plain tar file" in rows.loc["t.tar", "error"]


def test_pictures_and_shards_at_a_url_are_scored_as_in_a_folder(archive, score, photo, tmp_path):
    fsspec = pytest.importorskip("fsspec", reason="fsspec, the extra `remote`, is not installed")
    memory = fsspec.filesystem("memory")
    memory.put(str(archive), "/bucket", recursive=True)
    assert score("memory://bucket") == 1
    rows = pd.read_parquet(tmp_path / "out.parquet").set_index("id")
    assert rows.loc[["ai/0.png", "real/0.png", "s.tar/a.png"], "verdict"].tolist() == ["ai", "real", "ai"]
    assert len(rows) == 10


def test_a_url_without_fsspec_says_what_to_install(score, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(ScoreError, match=r"telltale\[remote\]"):
        score("s3://bucket/photos")
