"""What the picture grid shows of each picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from detector.near_duplicates import looks_alike
from detector.provenance import contradiction
from detector.records import percent
from pages.classify import file_facts
from pages.classify.classify_state import state
from pages.classify.picture_grid import Tile
from ui import media, pictures
from ui.session import session
from ui.text import shortened

if TYPE_CHECKING:
    from detector.bundle import Bundle
    from detector.cases import Remarks
    from pages.classify.classify_state import PictureResult
    from ui.pictures import Picture


def tiles(
    brought_in: Sequence[Picture],
    readable: Sequence[PictureResult],
    waiting: Sequence[Picture],
    bundle: Bundle,
) -> list[Tile]:
    """One for each picture, but for those that could not be read, in the order they came.

    readable: those checked. waiting: those that will be.
    """
    remarks = session().album.remarks
    groups = near_duplicates(readable)
    copies = Counter(groups.values())
    kept = state().tiles
    by_id = {}
    for each in readable:
        tile, group = _tile(each, bundle, kept), groups[each.picture.id]
        shared = copies[group] > 1
        by_id[tile.id] = replace(tile, group=group, copies=copies[group]) if shared else tile
    for picture in waiting:
        by_id[picture.id] = Tile(picture.id, shortened(picture.name, limit=80))
    for picture_id, said in remarks.items():
        if picture_id in by_id:
            by_id[picture_id] = _with_remarks(by_id[picture_id], said)
    return [by_id[picture.id] for picture in brought_in if picture.id in by_id]


def near_duplicates(readable: Sequence[PictureResult]) -> dict[str, int]:
    """Picture id -> a number from 1 that it shares with its near-duplicates, and with nothing else."""
    appearances = [each.appearance for each in readable if each.appearance is not None]
    alike = looks_alike(np.array(appearances, np.uint8).reshape(-1, 8, 9)).tolist()
    numbers: dict[int, int] = {}
    groups = {}
    for each, number in zip(readable, alike, strict=True):
        groups[each.picture.id] = numbers.setdefault(number, 1 + len(numbers))
    return groups


def _tile(result: PictureResult, bundle: Bundle, kept: dict[str, tuple[PictureResult, Tile]]) -> Tile:
    """The one that is ``kept`` of this very result, else a new one. Its thumbnail is asked for in every run:
    Streamlit lets go of what a run of the page does not show."""
    picture = result.picture
    address = media.address(pictures.thumbnail(picture), f"thumbnail {picture.id}")
    made_of, tile = kept.get(picture.id, (None, None))
    if tile is None or made_of is not result or tile.thumbnail != address:
        tile = _new_tile(result, address, bundle)
        kept[picture.id] = result, tile
    return tile


def _new_tile(result: PictureResult, thumbnail: str, bundle: Bundle) -> Tile:
    picture, verdict = result.picture, result.verdict(bundle)
    facts = file_facts.of(picture)
    return Tile(
        picture.id,
        shortened(picture.name, limit=80),
        thumbnail,
        verdict,
        verdict.title,
        result.analysis.y_score,
        percent(result.analysis.y_score),
        contradiction=contradiction(facts, verdict) or "",
        facts="" if facts.silent else file_facts.headline(facts),
    )


def _with_remarks(tile: Tile, said: Remarks) -> Tile:
    return replace(tile, label=said.label or "", marked=said.marked, noted=bool(said.note))
