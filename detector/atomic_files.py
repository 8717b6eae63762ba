"""Files that are written whole, reach the disk for good, and are one process's at a time.

The standard library alone, and nothing of Telltale: what only looks after runs imports this too.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path, temporary: Path | None = None, sync: bool = False) -> Iterator[Path]:
    """A file to write that takes the place of ``path`` at the end, or vanishes if something went wrong.

    A reader of ``path`` sees the old content or the new, never half of it. temporary: where to write
    meanwhile, on the same disk; else beside ``path``, with ".partial" after its name. sync: whether the
    content must be on the disk before the name is, so that both outlive a power cut. Raises OSError, about
    ``path``: nobody has to know what the file was called meanwhile.
    """
    temporary = temporary or path.with_name(f"{path.name}.partial")
    try:
        yield temporary
        put_in_place(temporary, path, sync)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.filename in (temporary, os.fspath(temporary)):
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error
        raise
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: str, temporary: Path | None = None, sync: bool = False) -> None:
    """Write a text file (UTF-8) at once; the arguments are those of ``replacing``. Raises OSError."""
    with replacing(path, temporary, sync) as ready:
        ready.write_text(content, "utf-8")


def put_in_place(ready: Path, path: Path, sync: bool = False) -> None:
    """Give a file that is ready the name ``path``, over whatever has it. sync: as in ``replacing``."""
    if sync:
        to_disk(ready)
    os.replace(ready, path)


def new_folder(folder: Path, prefix: str) -> Path:
    """A folder of a new name in ``folder``, to be filled and then given its own; as open to others as folders
    usually are, for who runs the app may not be who made it. Raises OSError."""
    made = Path(tempfile.mkdtemp(prefix=prefix, dir=folder))
    made.chmod(0o755)
    return made


def writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or, where it is not there yet, the folder itself."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def to_disk(path: Path) -> None:
    """Wait until a file's content, or a folder's entries, would outlive a power cut. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(descriptor: int, wait: bool = False) -> bool:
    """Take the lock of an open file or folder; False if another has it, unless one waits for it.

    It is held until the last copy of the descriptor is closed, those of child processes included: the
    kernel lets it go however a process ends.
    """
    import fcntl  # not on Windows, where pages may still look at runs and models

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait for the lock of a folder and hold it while the block runs; where there are no locks (Windows), go
    on without. Raises OSError."""
    if os.name == "nt":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        lock(descriptor, wait=True)
        yield
    finally:
        os.close(descriptor)


def lock_file(path: Path) -> int | None:
    """The lock of a file, which is made if it is not there, as an open descriptor; None while another has
    it. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    if lock(descriptor):
        return descriptor
    os.close(descriptor)
    return None
