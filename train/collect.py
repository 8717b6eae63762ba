"""Pictures to train on, out of clones of public repositories.

A collection is a table, one row per picture: ``repo`` (owner/name), ``blob`` (the picture's Git object),
``sha16`` (the first 16 hex digits of the SHA-256 of what is kept), ``label`` (ai or real), ``split``,
``source``, if need be ``box`` (left top right bottom: where the picture is cut from a larger one), and any
columns that a manifest may have (``paired``, ``generator``, ``kind``, ``group``). The pictures themselves
belong to others and are no part of Telltale; the table says exactly which they are.

    python -m train.collect train/sources.csv CLONES OUT [--missing]

CLONES holds the repositories, bare or not, as ``<owner>+<name>``, ``<owner>/<name>`` or either with ``.git``;
``--missing`` lists those that are not there. OUT gets the pictures, untouched, and ``manifest.csv`` with a
row for each that is there, also from earlier runs: running again adds what has come since.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from detector.atomic_files import replacing, write_whole
from detector.image_headers import sniff
from train.exit_status import DONE, ends_with_a_sentence

NEEDED = ("repo", "blob", "sha16", "label", "split", "source")
NOT_IN_MANIFEST = ("repo", "blob", "box", "sha16")
SUFFIXES = {"JPEG": "jpg", "TIFF": "tif"}
Row = Mapping[Hashable, Any]


class CollectionError(ValueError):
    """A table cannot be used; the message is a sentence for the user."""


def read_collection(path: Path) -> pd.DataFrame:
    """The rows of a table, every value a str. Raises OSError and CollectionError."""
    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    except ValueError as error:
        raise CollectionError(f"{path.name} is no table: {error}") from error
    if missing := [name for name in NEEDED if name not in rows]:
        raise CollectionError(f"{path.name} has no column {', '.join(missing)}.")
    for column in ("split", "source", "label", "sha16"):  # they become names of folders and files
        for name in rows[column].unique():
            if not name or set(name) & set("/\\\0") or name.startswith("."):
                raise CollectionError(f"{path.name} names a {column} that no file can have: {name!r}.")
    return rows


def git_directory(clones: Path, repo: str) -> Path | None:
    """The Git directory of a clone; None where it is not there."""
    for name in (repo.replace("/", "+"), repo):
        for place in (clones / name, clones / f"{name}.git"):
            for folder in (place / ".git", place, place / "repo" / ".git", place / "repo"):
                if (folder / "objects").is_dir():
                    return folder
    return None


def blobs(git: Path, names: Sequence[str]) -> Iterator[bytes | None]:
    """What is in Git objects, in order; None for one that is not there."""
    command = ["git", "-c", "safe.directory=*", f"--git-dir={git}", "cat-file", "--batch"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            for name in names:
                process.stdin.write(name.encode() + b"\n")
                process.stdin.flush()
                head = process.stdout.readline().split()
                if len(head) != 3:  # "<name> missing"
                    yield None
                    continue
                content = process.stdout.read(int(head[2]))
                process.stdout.read(1)
                yield content
        finally:
            process.stdin.close()


def collect(rows: pd.DataFrame, clones: Path, out: Path) -> Counter[str]:
    """Write the pictures of ``rows`` whose clones are there, and the manifest. Returns how many there are, by
    split, and how many are missing, by what is the matter with them."""
    files = pd.Series([_known(row, out) for row in rows.to_dict("records")], rows.index, dtype=object)
    counts: Counter[str] = Counter()
    for repo, wanted in rows[files.isna()].groupby("repo"):
        git = git_directory(clones, str(repo))
        if git is None:
            counts["no clone"] += len(wanted)
            continue
        contents = blobs(git, wanted["blob"].tolist())
        for place, row, content in zip(wanted.index, wanted.to_dict("records"), contents, strict=True):
            picture = None if content is None else _cut(content, row.get("box", ""))
            if picture is None:
                counts["not in its clone"] += 1
            elif not hashlib.sha256(picture).hexdigest().startswith(row["sha16"]):
                counts["other bytes"] += 1
            else:
                files[place] = _keep(picture, row, out)
    manifest = rows.drop(columns=[name for name in NOT_IN_MANIFEST if name in rows])
    manifest.insert(0, "file", files)
    manifest = manifest[files.notna()]
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "manifest.csv", manifest.to_csv(index=False, lineterminator="\n"))
    counts.update({str(split): len(rows) for split, rows in manifest.groupby("split")})
    return counts


def _cut(content: bytes, box: str) -> bytes | None:
    """The picture, or the part of it in ``box`` as PNG; None where it cannot be cut."""
    if not box:
        return content
    try:
        left, top, right, bottom = (int(edge) for edge in box.split())
        with Image.open(BytesIO(content)) as whole:
            part = whole.convert("RGB").crop((left, top, right, bottom))
    except (OSError, ValueError):
        return None
    buffer = BytesIO()
    part.save(buffer, "PNG")
    return buffer.getvalue()


def _folder(row: Row) -> str:
    return f"originals/{row['split']}/{row['source']}/{row['label']}"


def _known(row: Row, out: Path) -> str | None:
    """The file of an earlier run, relative to ``out``."""
    files = (out / _folder(row)).glob(f"{row['sha16']}.*")
    whole = (file.relative_to(out).as_posix() for file in files if file.suffix != ".partial")
    return next(whole, None)


def _keep(picture: bytes, row: Row, out: Path) -> str:
    kind = sniff(picture) or "bin"
    file = f"{_folder(row)}/{row['sha16']}.{SUFFIXES.get(kind, kind.lower())}"
    (out / file).parent.mkdir(parents=True, exist_ok=True)
    with replacing(out / file) as ready:
        ready.write_bytes(picture)
    return file


@ends_with_a_sentence("train.collect", CollectionError, OSError, interrupted="what is written stays")
def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m train.collect", description="Take the pictures of a collection out of clones."
    )
    parser.add_argument("table", type=Path, help="a collection, for instance train/sources.csv")
    parser.add_argument("clones", type=Path, help="the folder of the repositories' clones")
    parser.add_argument("out", type=Path, help="gets the pictures and manifest.csv")
    parser.add_argument("--missing", action="store_true", help="only list the repositories without a clone")
    arguments = parser.parse_args(argv)
    rows = read_collection(arguments.table)
    if arguments.missing:
        for repo in sorted(rows["repo"].unique()):
            if git_directory(arguments.clones, repo) is None:
                print(repo)
        return DONE
    counts = collect(rows, arguments.clones, arguments.out)
    print(", ".join(f"{name}: {count:,}" for name, count in counts.items()) or "Nothing.")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
