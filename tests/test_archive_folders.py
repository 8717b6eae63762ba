"""detector.archive_folders: which pictures of the machine itself a browser may be shown."""

from __future__ import annotations

import os

import pytest
from PIL import Image

from detector import archive_folders
from detector.archive_folders import picture_bytes
from detector.images import ImageReadError
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


def test_what_is_no_picture_is_not_handed_out(archive):
    (archive / "one" / "passwords.txt").write_text("root:secret")
    (archive / "one" / "passwords.png").write_text("root:secret")
    os.mkfifo(archive / "one" / "pipe.png")
    for name in ("passwords.txt", "passwords.png", "pipe.png"):
        with pytest.raises(ImageReadError):
            picture_bytes(name)
