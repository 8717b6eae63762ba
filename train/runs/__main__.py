"""``python -m train.runs``: look after runs from a terminal; the Train page does the same with the same
functions."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from datetime import datetime
from pathlib import Path

from train import runs
from train.runs import Run, RunError

FOLLOW_SECONDS = 0.5
TAIL_BYTES = 4096
BLOCK_BYTES = 2**20
HEADINGS = ("RUN", "STATE", "DEVICE", "STARTED", "PROGRESS", "")


def main(argv: list[str] | None = None) -> int:
    """Exit status: 0, or 2 with a sentence if what was asked for is not possible; ``show`` gives 1 for a
    run that went wrong."""
    arguments = _parse(argv)
    try:
        return arguments.do(arguments)
    except RunError as error:
        print(f"runs: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # head has seen enough
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return 130


def _list(arguments: argparse.Namespace) -> int:
    found = runs.all_runs(arguments.folder)
    if not found:
        print(f"No runs in {arguments.folder or runs.folder()}.")
        return 0
    rows = [HEADINGS, *map(_row, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())
    return 0


def _row(run: Run) -> tuple[str, ...]:
    """What ``HEADINGS`` stand above."""
    place = f" (no. {run.queue_position})" if run.queue_position else ""
    cells = [run.id, run.state + place, run.device or "-"]
    cells += [_local(run.started), _progress(run), "" if run.live else run.reason]
    return tuple(map(_printable, cells))


def _show(arguments: argparse.Namespace) -> int:
    run = runs.find(arguments.id, arguments.folder)
    place = f", number {run.queue_position} in the queue" if run.queue_position else ""
    facts = {
        "run": run.id,
        "folder": str(run.path),
        "state": run.state + place,
        "reason": run.reason,
        "exit code": "" if run.returncode is None else str(run.returncode),
        "process": str(run.pid or ""),
        "device": run.device,
        "created": _local(run.created),
        "started": _local(run.started),
        "ended": _local(run.ended),
        "data": run.data,
        "progress": _progress(run),
        "command": shlex.join(run.command),
        "model": str(run.bundle or ""),
        "you can": ", ".join(sorted(run.actions)),
    }
    for name, value in facts.items():
        if value and value != "-":
            print(f"{name:<10} {_printable(value)}")
    said, _, _ = runs.tail(run.log_path, TAIL_BYTES)
    last = said.splitlines()[-arguments.lines :] if arguments.lines else []
    for line in last:
        print(f"  | {_printable(line)}")
    return int(run.state.went_wrong)


def _start(arguments: argparse.Namespace) -> int:
    run = runs.start(
        arguments.recipe,
        arguments.set,
        arguments.data,
        arguments.id,
        arguments.device,
        folder=arguments.folder,
    )
    print(f"{run.id} is {run.state}. Its log: {run.log_path}")
    return 0


def _stop(arguments: argparse.Namespace) -> int:
    return _tell(runs.stop(arguments.id, arguments.folder))


def _resume(arguments: argparse.Namespace) -> int:
    return _tell(runs.resume(arguments.id, arguments.folder))


def _delete(arguments: argparse.Namespace) -> int:
    run = runs.find(arguments.id, arguments.folder)
    if not arguments.yes:
        print(f"Delete {run.path} with its checkpoints and its model? [y/N] ", end="", flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            return 0
    runs.delete(arguments.id, arguments.folder)
    print(f"{arguments.id} is deleted.")
    return 0


def _log(arguments: argparse.Namespace) -> int:
    run = runs.find(arguments.id, arguments.folder)
    offset = 0
    while True:
        text, offset, total = runs.read_log(run.log_path, offset, BLOCK_BYTES)
        print(text, end="", flush=True)
        if offset < total and text:
            continue
        if not arguments.follow or not runs.find(arguments.id, arguments.folder).live:
            return 0
        time.sleep(FOLLOW_SECONDS)


def _tell(run: Run) -> int:
    print(f"{run.id} is {run.state}. {run.reason}".strip())
    return 0


def _progress(run: Run) -> str:
    written = run.progress
    if written.get("total"):
        return f"{written.get('stage', '')} {written.get('done')} of {written['total']}".strip()
    if not written.get("steps"):
        return "-"
    epoch, epochs = written.get("epoch"), written.get("epochs")
    place = f"epoch {epoch} of {epochs}, " if epochs else ""
    stage = written.get("stage", "")
    return f"{stage} {place}step {written.get('step')} of {written['steps']}".strip()


def _local(moment: datetime | None) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}" if moment else "-"


def _printable(text: str) -> str:
    """On one line, and nothing that a terminal would obey: folder names and reasons may come from
    anywhere."""
    return "".join(c if c.isprintable() else " " for c in text)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m train.runs", description="Look after training runs.")
    parser.add_argument("--folder", type=Path, help="where the runs are (else TELLTALE_RUNS, else runs/)")
    verbs = parser.add_subparsers(required=True, metavar="list|show|log|start|stop|resume|delete")
    verb = verbs.add_parser("list", help="every run, the newest first")
    verb.set_defaults(do=_list)
    for name, do, text in (
        ("show", _show, "what is known of a run, and the end of its log"),
        ("log", _log, "the whole log"),
        ("stop", _stop, "end a run with a checkpoint, or take it out of the queue"),
        ("resume", _resume, "go on from the last checkpoint"),
        ("delete", _delete, "delete a run with its checkpoints and its model"),
    ):
        verb = verbs.add_parser(name, help=text)
        verb.add_argument("id", metavar="ID")
        verb.set_defaults(do=do)
        if do is _show:
            verb.add_argument("--lines", type=int, default=10, help="how many lines of the log (default: 10)")
        elif do is _log:
            verb.add_argument("-f", "--follow", action="store_true", help="go on until the run has ended")
        elif do is _delete:
            verb.add_argument("--yes", action="store_true", help="do not ask")
    verb = verbs.add_parser("start", help="queue a new run; the words are those of python -m train")
    verb.add_argument("id", metavar="ID")
    verb.add_argument("--recipe", required=True)
    verb.add_argument("--data", required=True)
    verb.add_argument("--device", default="auto")
    verb.add_argument("--set", metavar="KEY=VALUE", action="append", default=[])
    verb.set_defaults(do=_start)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
