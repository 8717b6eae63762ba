"""The rows of a predictions table: what the list says of a picture and what the model does."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from detector.classifier import FileResult
from detector.datasets.names import says_yes

if TYPE_CHECKING:
    from collections.abc import Sequence

SCORED = pa.schema(
    [
        ("logit", pa.float32()),
        ("y_score", pa.float64()),
        ("verdict", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("notes", pa.string()),
        ("error", pa.string()),
    ]
)


class ScoredPicture(NamedTuple):
    """Values for the columns of ``SCORED``; what is not known is None."""

    logit: float | None
    y_score: float | None
    verdict: str | None
    width: int | None
    height: int | None
    notes: str | None
    error: str | None


def scored(result: FileResult) -> ScoredPicture:
    """A result without its maps, which would fill the memory."""
    analysis, notes = result.analysis, " ".join(result.notes) or None
    if analysis is None:
        return ScoredPicture(None, None, None, result.width, result.height, notes, result.error)
    return ScoredPicture(
        analysis.logit,
        analysis.y_score,
        str(analysis.verdict),
        result.width,
        result.height,
        notes,
        None,
    )


def table_schema(listing: pa.Schema, metadata: dict[bytes, bytes] | None = None) -> pa.Schema:
    """The columns of the predictions table of a list: id, y_true, what a manifest said, the model's own."""
    facts = [field.name for field in list(listing)[6:]]
    fields = [("id", pa.string()), ("y_true", pa.int8())]
    fields += [(name, pa.bool_() if name == "paired" else pa.string()) for name in facts]
    return pa.schema([*pa.schema(fields), *SCORED], metadata)


def scored_table(listed: pa.Table, rows: Sequence[ScoredPicture]) -> pa.Table:
    """A part of the list and its results, in the same order, as a table."""
    schema = table_schema(listed.schema)
    arrays = []
    for field in list(schema)[: len(schema) - len(SCORED)]:
        column = listed[field.name]
        if field.name == "paired":
            words = [says_yes(str(value)) for value in column.to_pylist()]
            column = pa.chunked_array([words], pa.bool_())
        arrays.append(column)
    for place, field in enumerate(SCORED):
        arrays.append(pa.chunked_array([[row[place] for row in rows]], field.type))
    return pa.Table.from_arrays(arrays, schema=schema)
