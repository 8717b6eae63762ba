"""What How it works keeps for its visitor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import streamlit as st

KEY = "how_it_works"
"""Of the page's one object in ``st.session_state``."""


@dataclass
class HowItWorksState:
    """picture_id: of the picture that is walked through; None until one was. beside_id: of a second one that
    goes the same steps beside it. linkable: whether the page's address can hold the pictures shown.
    addressed: name in the address -> the sample that it last named, None for none."""

    picture_id: str | None = None
    beside_id: str | None = None
    linkable: bool = False
    addressed: dict[str, str | None] = field(default_factory=dict)

    def choose(self, brought_in: Iterable[str], proposals: Iterable[str | None]) -> str:
        """Stay with the picture while it is among those brought in, of which there must be one; else take the
        first proposal that is, else the first of all."""
        ids = list(brought_in)
        for picture_id in (self.picture_id, *proposals):
            if picture_id is not None and picture_id in ids:
                self.picture_id = picture_id
                return picture_id
        self.picture_id = ids[0]
        return ids[0]

    def beside(self, brought_in: Iterable[str]) -> str | None:
        """The second picture, while it is there and not the first one."""
        if self.beside_id == self.picture_id or self.beside_id not in set(brought_in):
            self.beside_id = None
        return self.beside_id


def state() -> HowItWorksState:
    """That of the visitor whose script is running."""
    return st.session_state.setdefault(KEY, HowItWorksState())
