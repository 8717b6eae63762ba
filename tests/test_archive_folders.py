"""detector.archive_folders: which pictures of the machine itself a browser may be shown."""

from __future__ import annotations

import io
import os
import tarfile

import pytest
from PIL import Image

from detector import archive_folders
from detector.archive_folders import picture_bytes
from detector.images import ImageReadError
from detector.score.listing import archive_at
from tests.conftest import make_photo


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Two folders that may be read, and a picture beside them that may not."""
    for name in ("one", "two", "secret"):
        (tmp_path / name).mkdir()
        Image.fromarray(make_photo("warm")).save(tmp_path / name / f"{name}.png")
    monkeypatch.setenv(archive_folders.VARIABLE, f"{tmp_path / 'one'}{os.pathsep}{tmp_path / 'two'}")
    return tmp_path


@pytest.mark.parametrize("value", ["", os.pathsep, "/no/such/folder"])
def test_nothing_is_read_where_no_folder_is_named(archive, monkeypatch, value):
    monkeypatch.setenv(archive_folders.VARIABLE, value)
    assert not archive_folders.is_switched_on()
    with pytest.raises(ImageReadError, match="not in the folders that TELLTALE_ARCHIVE names"):
        picture_bytes("one.png")


def test_pictures_are_found_in_every_folder_by_relative_and_by_whole_names(archive):
    for name in ("one.png", str(archive / "one" / "one.png")):
        assert picture_bytes(name) == (archive / "one" / "one.png").read_bytes()
    assert picture_bytes("two.png") == (archive / "two" / "two.png").read_bytes()


def test_what_leads_out_of_the_folders_is_not_opened(archive):
    (archive / "one" / "link.png").symlink_to(archive / "secret" / "secret.png")
    (archive / "one" / "linked").symlink_to(archive / "secret")
    secret = archive / "secret" / "secret.png"
    hostile = (
        "../secret/secret.png",
        str(secret),
        "link.png",
        "linked/secret.png",
        "one.png\0",
        "",
        ".",
        "/",
    )
    for name in (*hostile, f"{archive / 'one'}/../secret/secret.png"):
        with pytest.raises(ImageReadError):
            picture_bytes(name)


def packed(path, **pictures: bytes) -> None:
    with tarfile.open(path, "w") as shard:
        for name, content in pictures.items():
            entry = tarfile.TarInfo(f"{name}.png")
            entry.size = len(content)
            shard.addfile(entry, io.BytesIO(content))


def test_a_picture_in_a_tar_shard_is_found_by_the_name_that_scoring_gives_it(archive):
    warm, cool = io.BytesIO(), io.BytesIO()
    Image.fromarray(make_photo("warm")).save(warm, "PNG")
    Image.fromarray(make_photo("cool")).save(cool, "PNG")
    packed(archive / "two" / "shard.tar", a=warm.getvalue(), b=cool.getvalue())
    scored = [picture.id for picture in archive_at(str(archive / "two" / "shard.tar")).pictures()]
    assert [picture_bytes(name) for name in scored] == [warm.getvalue(), cool.getvalue()]
    for name in ("shard.tar/c.png", "shard.tar/", "shard.tar", "none.tar/a.png", "../two.tar/a.png"):
        with pytest.raises(ImageReadError):
            picture_bytes(name)


def test_a_shard_that_has_changed_is_looked_through_again(archive):
    content = io.BytesIO()
    Image.fromarray(make_photo("warm")).save(content, "PNG")
    packed(archive / "one" / "shard.tar", a=content.getvalue())
    assert picture_bytes("shard.tar/a.png") == content.getvalue()
    packed(archive / "one" / "shard.tar", z=content.getvalue() + bytes(20_000), a=content.getvalue())
    assert picture_bytes("shard.tar/a.png") == content.getvalue()


def test_pictures_at_a_url_are_found_where_it_is_named(archive, monkeypatch):
    fsspec = pytest.importorskip("fsspec", reason="fsspec, the extra `remote`, is not installed")
    content = io.BytesIO()
    Image.fromarray(make_photo("warm")).save(content, "PNG")
    fsspec.filesystem("memory").pipe("/photos/deep/a.png", content.getvalue())
    named = [str(archive / "one"), "memory://photos", str(archive / "two")]
    monkeypatch.setenv(archive_folders.VARIABLE, os.pathsep.join(named))
    for name in ("deep/a.png", "memory://photos/deep/a.png"):
        assert picture_bytes(name) == content.getvalue()
    assert picture_bytes("two.png") == (archive / "two" / "two.png").read_bytes()
    fsspec.filesystem("memory").pipe("/secret.png", content.getvalue())
    with pytest.raises(ImageReadError):
        picture_bytes("memory://photos/../secret.png")


def test_what_is_no_picture_is_not_handed_out(archive):
    (archive / "one" / "passwords.txt").write_text("root:secret")
    (archive / "one" / "passwords.png").write_text("root:secret")
    os.mkfifo(archive / "one" / "pipe.png")
    for name in ("passwords.txt", "passwords.png", "pipe.png"):
        with pytest.raises(ImageReadError):
            picture_bytes(name)


def test_a_file_that_is_there_and_cannot_be_read_says_why(archive):
    (archive / "one" / "broken.png").write_bytes((archive / "one" / "one.png").read_bytes()[:200])
    with pytest.raises(ImageReadError, match="damaged|cut off"):
        picture_bytes("broken.png")
