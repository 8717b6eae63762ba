"""Choosing the pictures of a game."""

from __future__ import annotations

import os
import time

import streamlit as st

from detector.classifier import image_files
from detector.datasets import DatasetError, labelled_images
from detector.images import MAX_FILE_BYTES
from detector.verdicts import Side
from pages.guess import practice_rounds
from pages.guess.game import Candidate
from pages.guess.guess_state import SHORTEST, state
from ui import models
from ui.album import SUFFIXES
from ui.text import plain
from ui.typed_folder import typed_folder

PRACTICE, FOLDER, UPLOADS = "Practice round", "Folder on this machine", "Uploads"
LENGTHS = (SHORTEST, 10, 20, 50)

MOST_FILES, LONGEST_LOOK = 200_000, 5.0
"""What a folder may hold, and how many seconds it may take to see that."""

LENGTH, SEED = "guess_length", "guess_seed"
"""Keys of widgets that are read when the game starts."""


def show() -> None:
    """Ask for pictures and a number of rounds, and start a game with them."""
    st.markdown(
        "You say what each picture is, **then** the model says what it thinks, and you may change your mind."
        " At the end you see how often it helped and how often it misled you. What each picture really was"
        " comes at the end too, so that every answer stands on its own."
    )
    model = models.choose()
    model.start()  # in the background, while the first guess is made
    source = st.segmented_control(
        "Pictures",
        [PRACTICE, FOLDER, UPLOADS],
        default=PRACTICE,
        required=True,
        key="guess_where",
        persist_state="session",
    )
    candidates = {PRACTICE: _practice, FOLDER: _folder, UPLOADS: _uploads}[source]()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Number of pictures",
            LENGTHS,
            index=1,
            key=LENGTH,
            persist_state="session",
            width=180,
            disabled=len(candidates) <= SHORTEST,
        )
        st.number_input(
            "Order",
            min_value=1,
            max_value=9999,
            value=1,
            key=SEED,
            persist_state="session",
            width=180,
            help=(
                "The same number gives the same pictures in the same order: two groups can play the same"
                " game."
            ),
        )
        st.button(
            "Start",
            type="primary",
            icon=":material/play_arrow:",
            key="guess_start",
            disabled=not candidates,
            on_click=_begin,
            args=(candidates, model.bundle.name, source == PRACTICE),
        )
    st.caption(
        "Keys: ← AI-generated, → real, 1 2 3 how sure, Backspace takes a click back, P for a projector. A"
        " clicker's two keys press the first and the last button."
    )


def _begin(candidates: list[Candidate], model: str, practice: bool) -> None:
    """Read here, because a number may have been typed at the moment of the click."""
    rounds = st.session_state[LENGTH]
    seed = int(st.session_state[SEED] or 1)
    state().deal(candidates, model, rounds, seed, practice)


def _practice() -> list[Candidate]:
    candidates = practice_rounds.candidates()
    st.info(
        f"{len(candidates)} patches of two photos, half of them passed through a simulated generator's"
        " up-sampling: **that** is what “AI-generated” means here. It is for trying out the game, and says"
        " nothing about how well anybody recognises AI-generated pictures.",
        icon=":material/school:",
    )
    return candidates


def _folder() -> list[Candidate]:
    given = st.text_input(
        "Folder",
        key="guess_folder",
        persist_state="session",
        placeholder="for instance ~/pictures, with folders real and ai in it",
        help=(
            "With one folder per class (ai and real, or any of the usual names), or a manifest.csv, your"
            " guesses can be checked. Without, they can only be compared with the model's."
        ),
    )
    folder = typed_folder(given) if given.strip() else None
    if folder is None:
        return []
    try:
        candidates, why = _in_folder(str(folder))
    except (OSError, ValueError):
        st.warning(f"The folder {plain(given)} cannot be read.", icon=":material/folder_off:")
        return []
    if not candidates:
        st.warning(plain(why, limit=600), icon=":material/folder_off:")
    elif why:
        st.info(
            f"{len(candidates):,} pictures. Which of them are AI-generated is not known, so your guesses can"
            " only be compared with the model's.",
            icon=":material/help:",
        )
        st.caption(plain(why, limit=600))
    else:
        ai = sum(candidate.truth == Side.AI for candidate in candidates)
        real = len(candidates) - ai
        st.info(
            f"{len(candidates):,} pictures: {ai:,} AI-generated and {real:,} real.", icon=":material/check:"
        )
    return candidates


@st.cache_data(max_entries=8, ttl=60, show_spinner="Looking through the folder")
def _in_folder(folder: str) -> tuple[list[Candidate], str]:
    """The pictures below a folder and, if there are none or what they are is not known, the sentence that
    says why."""
    candidates: list[Candidate] = []
    if _is_too_large(folder):
        return candidates, f"{folder} holds too much to look through. Name the folder of the pictures in it."
    try:
        for path, y_true in labelled_images(folder):
            truth = Side.AI if y_true else Side.REAL
            candidates.append(Candidate(os.path.relpath(path, folder), path, truth))
        return candidates, ""
    except DatasetError as error:
        for path in image_files([folder]):
            candidates.append(Candidate(os.path.relpath(path, folder), path))
        return candidates, str(error)


def _is_too_large(folder: str) -> bool:
    """Whether there is more in it than a page can wait for; links are not followed."""
    files, deadline = 0, time.monotonic() + LONGEST_LOOK
    for _, _, names in os.walk(folder):
        files += len(names)
        if files > MOST_FILES or time.monotonic() > deadline:
            return True
    return False


def _uploads() -> list[Candidate]:
    files = st.file_uploader(
        "Pictures",
        type=SUFFIXES,
        accept_multiple_files=True,
        key="guess_uploads",
        max_upload_size=MAX_FILE_BYTES // 2**20,
    )
    if files:
        st.caption(
            "Nobody has said which of these are AI-generated, so your guesses can only be compared with the"
            " model's."
        )
    return [Candidate(file.name, file.getvalue()) for file in files]
