"""A folder to make pictures in."""

import pytest

from tests.datasets.making import Maker


@pytest.fixture
def make(tmp_path):
    root = tmp_path / "pictures"
    root.mkdir()
    return Maker(root)


@pytest.fixture
def two_classes(make):
    make("ai", 10)
    make("real", 10)
    return make
