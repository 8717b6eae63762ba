"""Files appear whole or not at all, one holder at a time, and stay where a process was killed midway."""

from __future__ import annotations

import os

import pytest

from detector.atomic_files import lock, lock_file, new_folder, put_in_place, replacing, writable, write_whole


@pytest.fixture
def path(tmp_path):
    """A file that says "old"."""
    file = tmp_path / "status.json"
    file.write_text("old")
    return file


def names(path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


def test_a_reader_sees_the_old_content_until_all_is_written(path):
    with replacing(path) as ready:
        ready.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new" and names(path) == ["status.json"]


def test_what_goes_wrong_leaves_the_old_file_and_nothing_beside_it(path):
    with pytest.raises(ZeroDivisionError), replacing(path) as ready:
        ready.write_text("half")
        _ = 1 / 0
    assert path.read_text() == "old" and names(path) == ["status.json"]


def test_an_error_names_the_file_that_was_asked_for_and_not_the_partial_one(path):
    with pytest.raises(OSError) as caught, replacing(path) as temporary:
        (temporary / "inside").write_text("x")
    assert caught.value.filename != str(path), "of another file it is left as it is"
    with pytest.raises(OSError) as caught, replacing(path) as temporary:
        temporary.mkdir()
        try:
            temporary.write_text("x")
        finally:
            temporary.rmdir()
    assert caught.value.filename == str(path)


def test_a_folder_that_is_not_there_is_as_writable_as_the_one_it_would_lie_in(tmp_path, monkeypatch):
    assert writable(tmp_path) and writable(tmp_path / "a" / "b")
    (tmp_path / "file").write_text("x")
    assert not writable(tmp_path / "file")
    monkeypatch.setattr(os, "access", lambda folder, _: folder != tmp_path)
    assert not writable(tmp_path / "a" / "b")


def test_the_temporary_file_has_the_name_that_was_asked_for(path):
    with replacing(path, path.with_name(".hidden")) as ready:
        ready.write_text("new")
        assert names(path) == [".hidden", "status.json"]
    assert names(path) == ["status.json"]


def test_text_is_written_as_utf_8(path):
    write_whole(path, "naïve\n")
    assert path.read_bytes() == b"na\xc3\xafve\n"


@pytest.mark.parametrize(("sync", "order"), [(True, ["fsync", "replace"]), (False, ["replace"])])
def test_content_is_on_the_disk_before_the_name_where_that_was_asked_for(path, monkeypatch, sync, order):
    done = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda *given: done.append("fsync") or fsync(*given))
    monkeypatch.setattr(os, "replace", lambda *given: done.append("replace") or replace(*given))
    write_whole(path, "new", sync=sync)
    assert done == order and path.read_text() == "new"


def test_a_file_that_is_ready_takes_the_place_of_another(path):
    ready = path.with_name("ready")
    ready.write_text("new")
    put_in_place(ready, path, sync=True)
    assert path.read_text() == "new" and names(path) == ["status.json"]


def test_a_lock_has_one_holder_until_it_is_closed(tmp_path):
    first = lock_file(tmp_path / "lock")
    assert first is not None and lock_file(tmp_path / "lock") is None
    os.close(first)
    second = lock_file(tmp_path / "lock")
    assert second is not None
    os.close(second)


def test_a_lock_is_held_as_long_as_a_copy_of_its_descriptor_is_open(tmp_path):
    first = lock_file(tmp_path / "lock")
    copy = os.dup(first)
    os.close(first)
    assert lock_file(tmp_path / "lock") is None
    os.close(copy)


def test_a_folder_can_be_locked(tmp_path):
    one, other = (os.open(tmp_path, os.O_RDONLY) for _ in range(2))
    assert lock(one, wait=True) and not lock(other)
    os.close(one)
    assert lock(other)
    os.close(other)


def test_what_cannot_be_written_is_called_by_its_own_name_and_not_by_a_temporary_one(tmp_path):
    path = tmp_path / "nowhere" / "table.csv"
    with pytest.raises(FileNotFoundError) as caught, replacing(path) as ready:
        ready.write_text("new")
    assert caught.value.filename == str(path) and "partial" not in str(caught.value)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError) as caught, replacing(tmp_path / "folder") as ready:
        ready.write_text("new")
    assert "partial" not in str(caught.value)


def test_a_new_folder_is_as_open_to_others_as_folders_usually_are(tmp_path):
    first, second = new_folder(tmp_path, ".new-"), new_folder(tmp_path, ".new-")
    assert first != second and first.name.startswith(".new-")
    assert first.stat().st_mode & 0o777 == 0o755
