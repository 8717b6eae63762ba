"""Tables written as text, by anybody's program: which encoding, which delimiter, which decimal mark.

What can be told for certain is read; of the rest somebody is asked. A table in an old 8-bit or East Asian
encoding is refused, because which one it is can only be guessed, and a wrong guess garbles names silently.
"""

from __future__ import annotations

import codecs
import io

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

DELIMITERS = (",", ";", "\t", "|")
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with that one's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
WIDE_ENCODINGS = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
DECIMAL_COMMA = r"^\s*[+-]?[0-9]*(,[0-9]+)?([eE][+-]?[0-9]+)?\s*$"
THOUSANDS = r"^\s*[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+\s*$"
BLOCK_BYTES = 2**24
"""Of what Arrow looks at to tell a column's type, and the longest row there may be."""


class TextError(ValueError):
    """The text is no table; the message is a clause that says why."""


def as_utf8(content: bytes) -> bytes:
    """The same text in UTF-8 without a mark at its start. Raises TextError where its encoding cannot be
    told."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return _recoded(content[len(mark) :], encoding)
    if b"\0" in content[:4096]:
        for encoding in WIDE_ENCODINGS:
            if _looks_like(content, encoding):
                return _recoded(content, encoding)
    return _recoded(content, "utf-8")


def _looks_like(content: bytes, encoding: str) -> bool:
    """Whether the start of the text makes lines in an encoding of 2 or 4 bytes a character."""
    width = 4 if encoding.startswith("utf-32") else 2
    if len(content) % width:
        return False
    try:
        start = content[:4096].decode(encoding)
    except UnicodeDecodeError:
        return False
    return "\0" not in start and ("\n" in start or "\r" in start)


def _recoded(content: bytes, encoding: str) -> bytes:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8":
            line = content.count(b"\n", 0, error.start) + 1
            raise TextError(
                f"line {line:,} is not in UTF-8. Save it again as “CSV UTF-8”, which Excel and others offer"
            ) from error
        raise TextError(f"it begins as {encoding.upper()} and does not go on so") from error
    return content if encoding == "utf-8" else text.encode("utf-8", "replace")


def delimiter_of(content: bytes) -> tuple[str, bytes]:
    """(delimiter, table without Excel's line ``sep=;``) of a text in UTF-8: what parts the column names most
    often, outside of quotes."""
    header, _, rest = content.partition(b"\n")
    line = header.strip().decode("utf-8", "replace")
    if line.lower().startswith("sep=") and line[4:5] in DELIMITERS:
        return line[4], rest
    counts = {delimiter: _outside_quotes(line, delimiter) for delimiter in DELIMITERS}
    return max(DELIMITERS, key=lambda delimiter: counts[delimiter]), content


def _outside_quotes(line: str, delimiter: str) -> int:
    return sum(part.count(delimiter) for part in line.split('"')[::2])


def read_text(content: bytes, delimiter: str) -> pa.Table:
    """The table in a text in UTF-8, numbers with a decimal comma among them. Columns named ``id`` stay text.
    Raises pyarrow.ArrowException or ValueError."""
    block = min(len(content) + 1, BLOCK_BYTES)
    table = pyarrow.csv.read_csv(
        io.BytesIO(content),
        read_options=pyarrow.csv.ReadOptions(block_size=block),
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(column_types={"id": pa.string()}),
    )
    if delimiter == ",":
        return table
    columns = [_decimal_commas(column) for column in table.columns]
    return pa.table(columns, names=table.column_names)


def _decimal_commas(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers where every cell is one with a comma, such as 0,75; what may be thousands stays text."""
    if not pa.types.is_string(column.type):
        return column
    filled = column.filter(pc.not_equal(pc.utf8_trim_whitespace(column), ""))
    with_comma = filled.filter(pc.match_substring(filled, ","))
    if not len(with_comma) or pc.all(pc.match_substring_regex(with_comma, THOUSANDS)).as_py():
        return column
    if not pc.all(pc.match_substring_regex(filled, DECIMAL_COMMA)).as_py():
        return column
    trimmed = pc.utf8_trim_whitespace(column)
    empty = pc.equal(trimmed, "")
    dotted = pc.replace_substring(trimmed, ",", ".")
    return pc.cast(pc.if_else(empty, pa.scalar(None, pa.string()), dotted), pa.float64())
