"""Columns as every writer of tables types them, brought to the few types that an evaluation knows: whole
numbers, floats, truth values and text."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

INDEX_NAME = "__index_level_"
"""How pandas calls a row index that has no name of its own."""


def plain_columns(table: pa.Table) -> pa.Table:
    """The columns that are numbers, truth values, text, dates or times, the last two as text, ``id`` too.

    Lists, structures and bytes are left out; so are columns without a name, without a value, and a row
    index. Decimals and half floats become float64, categories their values. Raises pyarrow.ArrowException
    for text that is no UTF-8.
    """
    names, columns = [], []
    for name, column in _columns(table):
        if not name.strip() or name.startswith(INDEX_NAME):
            continue
        plain = _plain(column)
        if plain is None:
            continue
        if name == "id" and not pa.types.is_string(plain.type):
            plain = pc.cast(plain, pa.string())
        names.append(name)
        columns.append(plain)
    return pa.table(columns, names=names)


def _columns(table: pa.Table) -> Iterator[tuple[str, pa.ChunkedArray]]:
    for number, name in enumerate(table.column_names):
        column = table.column(number)
        column.validate(full=True)
        yield name, column


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The column as one of the types known here; None for one that cannot be, or that holds no value."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        storage = [chunk.storage for chunk in column.chunks]
        return _plain(pa.chunked_array(storage, kind.storage_type))
    if pa.types.is_dictionary(kind):
        if not _flat(kind.value_type):
            return None
        return _plain(pc.cast(column, kind.value_type))
    if not _flat(kind) or column.null_count == len(column) > 0:
        return None
    target = _target(kind)
    if target == kind:
        return column
    try:
        return pc.cast(column, target)
    except pa.ArrowException:
        if pa.types.is_temporal(kind):  # a time zone or an interval that Arrow does not know
            return None
        raise


def _flat(kind: pa.DataType) -> bool:
    numbers = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return numbers or pa.types.is_boolean(kind) or _is_text(kind) or pa.types.is_temporal(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _target(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return pa.float64()
    if pa.types.is_duration(kind):
        return pa.int64()
    if _is_text(kind) or pa.types.is_temporal(kind):
        return pa.string()
    return kind
