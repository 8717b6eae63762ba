"""Whether a file of weights can be read without harm: a few kilobytes of HDF5 can claim arrays of many
gigabytes, unpack without end, or point at other files. Everything is judged by what the file says of its
arrays, before any of them is read."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from detector.printable import printable

if TYPE_CHECKING:
    import h5py

MAX_OBJECTS = 100_000
"""Groups and arrays in one file; the largest networks have some thousands."""
MAX_DEPTH = 50
MAX_ATTRIBUTE_VALUES = 10_000

Shape = tuple[int, ...]


class WeightsFileError(ValueError):
    """The file is not what a network's weights look like; the message is a clause that says why."""


def check_weights_file(path: str | os.PathLike, shapes: Iterable[Shape]) -> None:
    """Raise WeightsFileError unless all arrays of the HDF5 file ``path`` lie plainly in it, and each is one
    of the network's.

    shapes: of all variables of the network. The file may lack some, which Keras notices, but must not hold
    an array of another shape, or more of a shape than the network has. No array is read.
    """
    import h5py

    expected = Counter(shapes)
    try:
        with h5py.File(path, "r") as file:
            for name, dataset in _datasets(file):
                _check_storage(name, dataset)
                if not expected[dataset.shape]:
                    raise WeightsFileError(
                        f"the file holds an array {name} of shape {_shown(dataset.shape)}, which the"
                        " network has no place for"
                    )
                expected[dataset.shape] -= 1
    except WeightsFileError:
        raise
    except Exception as error:  # a damaged file makes h5py raise nearly anything
        raise WeightsFileError(f"the file cannot be read as HDF5: {error}") from error


def _datasets(file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """(path in the file, dataset) of all of them. Raises WeightsFileError for anything else than groups and
    datasets, each linked once."""
    import h5py

    seen = set()
    waiting: list[tuple[str, h5py.Group, int]] = [("", file, 0)]
    while waiting:
        path, group, depth = waiting.pop()
        _check_attributes(path or "/", group)
        if depth > MAX_DEPTH:
            raise WeightsFileError(f"its groups lie more than {MAX_DEPTH} deep in each other")
        for key in group:
            name = f"{path}/{key}" if path else str(key)
            shown = printable(name)[-80:]
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise WeightsFileError(f"{shown} is a link to another place, which weights never need")
            member = group[key]
            address = h5py.h5o.get_info(member.id).addr
            if address in seen:
                raise WeightsFileError(f"{shown} is there twice, under two names")
            seen.add(address)
            if len(seen) > MAX_OBJECTS:
                raise WeightsFileError(f"it holds more than {MAX_OBJECTS:,} groups and arrays")
            if isinstance(member, h5py.Group):
                waiting.append((name, member, depth + 1))
            elif isinstance(member, h5py.Dataset):
                _check_attributes(shown, member)
                yield shown, member
            else:
                raise WeightsFileError(f"{shown} is neither a group nor an array")


def _check_attributes(name: str, member: h5py.Group | h5py.Dataset) -> None:
    import h5py

    for number in range(h5py.h5a.get_num_attrs(member.id)):
        attribute = h5py.h5a.open(member.id, index=number)
        if math.prod(attribute.shape) > MAX_ATTRIBUTE_VALUES:
            raise WeightsFileError(f"an attribute of {name} is too large")


def _check_storage(name: str, dataset: h5py.Dataset) -> None:
    """The values lie in this file, all of them, as plain numbers and not packed."""
    if dataset.is_virtual or dataset.external:
        raise WeightsFileError(f"the values of {name} lie in another place, possibly another file")
    if dataset.shape is None or dataset.dtype.kind not in "fiub":
        raise WeightsFileError(f"{name} is no array of numbers")
    properties = dataset.id.get_create_plist()
    if properties.get_nfilters():
        raise WeightsFileError(
            f"{name} is packed, and nobody can tell how large it is unpacked; save the weights without"
            " compression"
        )
    values = math.prod(dataset.shape)
    if dataset.chunks and math.prod(dataset.chunks) > max(values, 1):
        raise WeightsFileError(f"the pieces of {name} are larger than the whole")
    if dataset.id.get_storage_size() < values * dataset.dtype.itemsize:
        raise WeightsFileError(
            f"{name} claims the shape {_shown(dataset.shape)}, but the file does not hold that many values"
        )


def _shown(shape: Shape) -> str:
    return " x ".join(map(str, shape)) or "one number"
