"""Which pictures an archive holds, written down once: a run that goes on scores the list that it began with,
whatever was added to the archive meanwhile.

The list is a Parquet file; each of its row groups is scored at once and becomes one part.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from detector.atomic_files import replacing
from detector.datasets.names import class_of
from detector.images import ImageReadError
from detector.printable import printable
from detector.score.archive_files import TAR_SUFFIX, ArchiveFiles, files_at, is_url
from detector.score.errors import ScoreError
from detector.score.manifest_rows import ManifestReader
from detector.score.tar_shards import members

MANIFEST_SUFFIXES = (".csv", ".parquet")
PACKED_TARS = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")


class ListedPicture(NamedTuple):
    """A picture of the list. id: how the table calls it. file: of the archive, as the file system encodes
    it. offset, size: its place in a tar shard. facts: what a manifest says, in the list's columns."""

    id: str
    file: bytes
    offset: int | None = None
    size: int | None = None
    y_true: int | None = None
    error: str | None = None
    facts: tuple[str | None, ...] = ()

    @property
    def name(self) -> str:
        """The file as the archive opens it."""
        return os.fsdecode(self.file)


@dataclass(frozen=True)
class Archive:
    """What is to be scored. root: the folder or URL that all of it is below. only: the one file of it that
    is meant, a tar shard. manifest: the table that lists it. facts: columns that it hands on."""

    root: str
    only: str | None = None
    manifest: ManifestReader | None = None

    @property
    def facts(self) -> tuple[str, ...]:
        return self.manifest.facts if self.manifest else ()

    def pictures(self) -> Iterator[ListedPicture]:
        """In an order that is always the same. Raises ScoreError, OSError."""
        files = files_at(self.root)
        if self.manifest:
            yield from _of_manifest(self.manifest, self.root)
            return
        for name in [self.only] if self.only else files.walk():
            if name.lower().endswith(TAR_SUFFIX):
                yield from _of_shard(files, name)
            else:
                yield ListedPicture(printable(name), os.fsencode(name), y_true=_label_of_folder(name))


def archive_at(source: str, root: str | None = None) -> Archive:
    """The archive that somebody names: a folder, a tar shard, either at a URL too, or a manifest. root: the
    folder or URL that a manifest's files lie in, else its own. Raises ScoreError."""
    if source.lower().endswith(PACKED_TARS):
        raise ScoreError(f"{printable(source)} is compressed; pictures in it cannot be found. Unpack it.")
    is_shard = source.lower().endswith(TAR_SUFFIX)
    if is_url(source):
        if root:
            raise ScoreError("--root is for manifests; a URL names its folder itself.")
        parent, _, last = source.rstrip("/").rpartition("/")
        return Archive(parent, only=last) if is_shard else Archive(source)
    path = Path(source)
    if path.is_dir() and not root:
        return Archive(str(path.resolve()))
    if not path.is_file():
        raise ScoreError(f"There is no file or folder {printable(source)}.")
    if is_shard and not root:
        return Archive(str(path.resolve().parent), only=path.name)
    if path.suffix.lower() not in MANIFEST_SUFFIXES:
        raise ScoreError(
            f"{printable(source)} is no folder, no manifest (.csv or .parquet) and no tar shard. For single"
            " pictures there is python -m detector."
        )
    above = root or str(path.resolve().parent)
    if not is_url(above) and not os.path.isdir(above):
        raise ScoreError(f"There is no folder {printable(above)}.")
    return Archive(above if is_url(above) else os.path.realpath(above), manifest=ManifestReader(path))


def write_listing(archive: Archive, path: Path, rows_per_part: int) -> None:
    """Write the list whole. Raises ScoreError if there is no picture, OSError."""
    schema = listing_schema(archive.facts)
    pictures = archive.pictures()
    count = 0
    with replacing(path, sync=True) as temporary, open(temporary, "wb") as file:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            while rows := list(islice(pictures, rows_per_part)):
                writer.write_table(_table(rows, schema), row_group_size=rows_per_part)
                count += len(rows)
        if not count:
            raise ScoreError("There are no pictures in it.")


def listing_schema(facts: tuple[str, ...]) -> pa.Schema:
    """The list's columns."""
    fields = [("id", pa.string()), ("file", pa.binary()), ("offset", pa.int64()), ("size", pa.int64())]
    fields += [("y_true", pa.int8()), ("error", pa.string())]
    return pa.schema(fields + [(name, pa.string()) for name in facts])


def pictures_of(table: pa.Table) -> list[ListedPicture]:
    """The pictures of a part of the list, without their facts."""
    columns = [table[name].to_pylist() for name in ("id", "file", "offset", "size", "y_true", "error")]
    return [ListedPicture(*values) for values in zip(*columns, strict=True)]


def _table(rows: list[ListedPicture], schema: pa.Schema) -> pa.Table:
    columns = [list(column) for column in zip(*(row[:6] for row in rows), strict=True)]
    columns += [list(column) for column in zip(*(row.facts for row in rows), strict=True)]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _of_shard(files: ArchiveFiles, shard: str) -> Iterator[ListedPicture]:
    """Its pictures, and one more row with the reason for a shard that cannot be read to its end."""
    file = os.fsencode(shard)
    try:
        with files.open(shard) as content:
            for member in members(content):
                id = f"{printable(shard)}/{printable(member.name)}"
                yield ListedPicture(id, file, member.offset, member.size, member.y_true, member.error)
    except (ImageReadError, ScoreError, OSError) as error:
        yield ListedPicture(printable(shard), file, error=str(error))


def _of_manifest(manifest: ManifestReader, root: str) -> Iterator[ListedPicture]:
    for row in manifest.rows():
        name = _below(row.file.replace("\\", "/"), root)
        error = None if name else "This row names no file."
        facts = tuple(row.facts[name] or None for name in manifest.facts)
        yield ListedPicture(printable(row.file), os.fsencode(name), None, None, row.y_true, error, facts)


def _below(file: str, root: str) -> str:
    """A file relative to the root, if it was written in full."""
    return file.removeprefix(f"{root.rstrip('/')}/")


def _label_of_folder(name: str) -> int | None:
    """What the innermost folder that is called after a class says: 1 for ai/, 0 for real/."""
    labels = (class_of(part) for part in reversed(PurePosixPath(name).parts[:-1]))
    return next((label for label in labels if label is not None), None)
