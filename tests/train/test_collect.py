"""train.collect: pictures out of clones of repositories, on a tiny real one."""

from __future__ import annotations

import hashlib
import io
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from train.collect import CollectionError, collect, main, read_collection


def picture(kind: str, seed: int = 0) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def git(folder: Path, *words: str, content: bytes | None = None) -> str:
    done = subprocess.run(["git", "-C", folder, *words], input=content, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture
def clones(tmp_path) -> Path:
    """A folder with a bare repository, its name written in one of the ways that count."""
    bare = tmp_path / "clones" / "someone+game.git"
    bare.mkdir(parents=True)
    git(bare, "init", "--bare", "--quiet")
    return tmp_path / "clones"


def row(clones: Path, content: bytes, **changes: str) -> dict[str, str]:
    """A picture put into that repository, as a row of a collection."""
    blob = git(clones / "someone+game.git", "hash-object", "-w", "--stdin", content=content)
    known = {"repo": "someone/game", "blob": blob, "sha16": hashlib.sha256(content).hexdigest()[:16]}
    return {**known, "box": "", "label": "ai", "split": "train", "source": "someone-game", **changes}


def test_pictures_keep_their_bytes_and_get_the_suffix_of_their_content(clones, tmp_path):
    png, jpeg = picture("PNG"), picture("JPEG")
    counts = collect(
        pd.DataFrame([row(clones, png), row(clones, jpeg, label="real")]), clones, tmp_path / "out"
    )
    manifest = pd.read_csv(tmp_path / "out" / "manifest.csv")
    assert counts == {"train": 2}
    assert [Path(file).suffix for file in manifest["file"]] == [".png", ".jpg"]
    assert [(tmp_path / "out" / file).read_bytes() for file in manifest["file"]] == [png, jpeg]
    assert not {"repo", "blob", "box", "sha16"} & set(manifest)


def test_a_box_is_cut_out_of_the_larger_picture(clones, tmp_path):
    whole = picture("PNG")
    part = Image.open(io.BytesIO(whole)).crop((5, 6, 25, 26))
    buffer = io.BytesIO()
    part.save(buffer, "PNG")
    sha16 = hashlib.sha256(buffer.getvalue()).hexdigest()[:16]
    collect(pd.DataFrame([row(clones, whole, box="5 6 25 26", sha16=sha16)]), clones, tmp_path / "out")
    (file,) = (tmp_path / "out").rglob("*.png")
    assert np.array_equal(np.asarray(Image.open(file)), np.asarray(part))


def test_what_is_missing_is_counted_by_what_is_the_matter_and_left_out(clones, tmp_path):
    rows = [
        row(clones, picture("PNG")),
        row(clones, picture("PNG", 1), blob="0" * 40),
        row(clones, picture("PNG", 2), sha16="0" * 16),
        row(clones, picture("PNG", 3), repo="nobody/nothing"),
    ]
    counts = collect(pd.DataFrame(rows), clones, tmp_path / "out")
    assert counts == {"train": 1, "not in its clone": 1, "other bytes": 1, "no clone": 1}
    assert len(pd.read_csv(tmp_path / "out" / "manifest.csv")) == 1


def test_running_again_adds_what_has_come_and_keeps_what_is_there_without_its_clone(clones, tmp_path):
    first, second = row(clones, picture("PNG")), row(clones, picture("PNG", 1), repo="someone/later")
    rows = pd.DataFrame([first, second])
    assert collect(rows, clones, tmp_path / "out") == {"train": 1, "no clone": 1}
    (clones / "someone+game.git").rename(clones / "someone+later")
    assert collect(rows, clones, tmp_path / "out") == {"train": 2}


@pytest.mark.parametrize("changes", [{"source": "../../etc"}, {"split": ""}, {"label": ".."}])
def test_a_table_that_names_files_elsewhere_is_refused(clones, tmp_path, changes):
    table = tmp_path / "table.csv"
    pd.DataFrame([row(clones, picture("PNG"), **changes)]).to_csv(table, index=False)
    with pytest.raises(CollectionError, match="no file can have"):
        read_collection(table)


def test_a_table_of_something_else_is_refused_in_a_sentence(tmp_path, capsys):
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n")
    assert main([str(table), str(tmp_path), str(tmp_path / "out")]) == 2
    assert "has no column repo, blob" in capsys.readouterr().err


def test_missing_clones_are_listed(clones, tmp_path, capsys):
    table = tmp_path / "table.csv"
    rows = [row(clones, picture("PNG")), row(clones, picture("PNG"), repo="nobody/nothing")]
    pd.DataFrame(rows).to_csv(table, index=False)
    assert main([str(table), str(clones), str(tmp_path / "out"), "--missing"]) == 0
    assert capsys.readouterr().out.split() == ["nobody/nothing"]


def test_the_list_that_ships_is_a_collection_without_a_picture_twice():
    rows = read_collection(Path(__file__).parents[2] / "train" / "sources.csv")
    assert rows["sha16"].is_unique and rows["blob"].str.fullmatch(r"[0-9a-f]{40}").all()
    assert set(rows["label"]) == {"ai", "real"} and set(rows["split"]) == {"train"}
