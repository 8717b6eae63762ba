"""The files of an archive, in a folder of this machine or at an `fsspec` URL, and only those below it."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from detector.classifier import LISTED_SUFFIXES
from detector.images import MAX_FILE_BYTES, ImageReadError, is_hidden
from detector.printable import first_line, printable
from detector.score.errors import ScoreError

TAR_SUFFIX = ".tar"
OUTSIDE = "The path leads out of the archive's folder, so the file was not opened."


class ArchiveFiles(Protocol):
    """The files below one folder. Names are relative to it, with forward slashes."""

    def walk(self) -> Iterator[str]:
        """Pictures by suffix and tar shards, in an order that is always the same; without hidden ones.
        Folders that are links are not entered. Raises OSError."""

    def open(self, name: str) -> IO[bytes]:
        """A file to read from anywhere. Raises OSError, and ImageReadError for a name that leads outside."""

    def source(self, name: str, offset: int | None, size: int | None) -> bytes | str:
        """What ``read_image`` takes: of a whole file, or of ``size`` bytes at ``offset``. Raises
        ImageReadError."""


def files_at(root: str) -> ArchiveFiles:
    """The files below a folder or URL. Raises ScoreError if that kind of URL cannot be read here."""
    return RemoteFiles(root) if is_url(root) else LocalFiles(root)


def is_url(text: str) -> bool:
    """Whether it is a URL such as s3://bucket/photos; a path is not."""
    return re.match(r"[a-z][a-z0-9+.-]*://", text) is not None


def safe_name(name: str) -> bool:
    """Whether a relative name stays in its folder, whatever it is relative to."""
    if not name or "\0" in name or name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return False
    return ".." not in name.split("/")


class LocalFiles:
    """A folder of this machine."""

    def __init__(self, root: str):
        self.root = os.path.realpath(root)

    def walk(self) -> Iterator[str]:
        return self._walk("")

    def _walk(self, folder: str) -> Iterator[str]:
        with os.scandir(os.path.join(self.root, folder)) as found:
            entries = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in found)
        for name, is_folder in entries:
            if is_hidden([name]):
                continue
            if is_folder:
                yield from self._walk(posixpath.join(folder, name))
            elif _is_listed(name):
                yield posixpath.join(folder, name)

    def open(self, name: str) -> IO[bytes]:
        path = self._inside(name)
        if not os.path.isfile(path):  # a pipe would be waited for without end
            raise FileNotFoundError(2, os.strerror(2), path)
        return open(path, "rb")

    def source(self, name: str, offset: int | None, size: int | None) -> bytes | str:
        if offset is None:
            return self._inside(name)
        try:
            with self.open(name) as file:
                return _piece(file, offset, size)
        except OSError as error:
            raise ImageReadError(f"The shard cannot be read: {error.strerror}.") from error

    def _inside(self, name: str) -> str:
        path = os.path.realpath(os.path.join(self.root, name))
        if not safe_name(name) or not path.startswith(os.path.join(self.root, "")):
            raise ImageReadError(OUTSIDE)
        return path


class RemoteFiles:
    """A folder at a URL that `fsspec` knows."""

    def __init__(self, url: str):
        try:
            import fsspec
        except ImportError:
            raise ScoreError("Reading from a URL needs fsspec: pip install 'telltale[remote]'.") from None
        try:
            self._system, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise ScoreError(f"{printable(url)} cannot be read here: {first_line(error)}.") from error
        self._root = self._root.rstrip("/")

    def walk(self) -> Iterator[str]:
        return self._walk("")

    def _walk(self, folder: str) -> Iterator[str]:
        try:
            found = self._system.ls(self._path(folder), detail=True)
        except Exception as error:  # every file system has exceptions of its own
            raise ScoreError(f"The folder cannot be listed: {first_line(error)}.") from error
        entries = sorted((posixpath.basename(each["name"].rstrip("/")), each["type"]) for each in found)
        for name, kind in entries:
            if is_hidden([name]):
                continue
            if kind == "directory":
                yield from self._walk(posixpath.join(folder, name))
            elif _is_listed(name):
                yield posixpath.join(folder, name)

    def open(self, name: str) -> IO[bytes]:
        return self._system.open(self._inside(name), "rb")

    def source(self, name: str, offset: int | None, size: int | None) -> bytes | str:
        path = self._inside(name)
        try:
            with self._system.open(path, "rb") as file:
                if offset is not None:
                    return _piece(file, offset, size)
                return file.read(MAX_FILE_BYTES + 1)  # which read_image refuses
        except ImageReadError:
            raise
        except Exception as error:
            raise ImageReadError(f"The file cannot be fetched: {first_line(error)}.") from error

    def _inside(self, name: str) -> str:
        if not safe_name(name):
            raise ImageReadError(OUTSIDE)
        return self._path(name)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root


def _piece(file: IO[bytes], offset: int, size: int | None) -> bytes:
    file.seek(offset)
    return file.read(size or 0)


def _is_listed(name: str) -> bool:
    suffix = Path(name).suffix.lower()
    return suffix in LISTED_SUFFIXES or suffix == TAR_SUFFIX
