"""One round on the page: the picture alone, then the guess, then the model's word. Before the guess
nothing of the model is on the page."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from PIL import Image

from detector.explain import METHODS, Heatmap, Unavailable, attention_rollout
from detector.images import ImageReadError
from detector.verdicts import Side
from pages.guess.game import CONFIDENCE, CONFIDENCES, GUESS, REVEAL, Game, Round
from ui import default_method, encoding, pictures, verdict
from ui.heatmap_viewer import heatmap_viewer
from ui.pictures import Picture, Resolution
from ui.presenter import presenter
from ui.text import plain

if TYPE_CHECKING:
    from detector.classifier import Analysis, FileResult
    from ui.models import Model

SHOWN = (1600, int(Resolution.PROJECTED))
"""Pixels, at most: a projector has hardly more."""

SHORTCUTS = {Side.AI: "Left", Side.REAL: "Right"}
ICONS = {Side.AI: ":material/smart_toy:", Side.REAL: ":material/photo_camera:"}

STYLE = Path(__file__).with_suffix(".css")

HEADING = """
<h1 style="position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)">Guess first</h1>"""
"""For those who do not see the page: the picture needs the room."""


def show(game: Game, model: Model) -> None:
    """The current round of a game."""
    picture = _readable(game)
    this_round = game.current
    if picture is None or this_round is None:
        st.rerun()  # nothing is left to show: to the end
    number, of = game.at + 1, len(game.rounds)
    st.html(HEADING)
    presenter(answers=_answers(game, this_round))
    progress = f"Picture {number} of {of}"
    if game.practice:
        progress += " · practice round"
    st.progress((number - 1) / of, progress)
    _show_skipped(game)
    st.html(STYLE)
    if this_round.stage == REVEAL:
        _reveal(game, this_round, picture, model)
    else:
        with st.container(key="guess_picture"):
            st.image(_jpeg(picture), width="stretch", alt=f"Picture {number} of {of}")
        if this_round.stage == GUESS:
            _ask(game)
        else:
            _ask_confidence(game, this_round)
    _other_ways(game)


def _answers(game: Game, this_round: Round) -> list[str]:
    """Keys of the buttons that answer what is asked now, from left to right."""
    names = {
        GUESS: [f"guess_{side}" for side in Side],
        CONFIDENCE: [f"sure_{number}" for number in range(1, len(CONFIDENCES) + 1)],
        REVEAL: [f"answer_{side}" for side in Side],
    }
    return [_key(game, name) for name in names[this_round.stage]]


def _readable(game: Game) -> Picture | None:
    """The current picture; what cannot be read is skipped. None if nothing is left."""
    while game.current:
        try:
            picture = game.current.candidate.picture()
            _jpeg(picture)
            return picture
        except ImageReadError as error:
            game.skip(str(error))
    return None


def _jpeg(picture: Picture) -> bytes:
    """The picture as it is shown. Raises ImageReadError."""
    return pictures.encoded(picture, "projected", partial(_encode, picture))


def _encode(picture: Picture) -> bytes:
    shown = Image.fromarray(pictures.to_project(picture).pixels)
    shown.thumbnail(SHOWN)
    return encoding.jpeg(shown, quality=92)


def _show_skipped(game: Game) -> None:
    for name, sentence in game.skipped[-2:]:
        st.caption(f":material/broken_image: Skipped: {plain(name, limit=60)} — {plain(sentence, limit=300)}")


def _ask(game: Game) -> None:
    st.markdown("## What is this picture?")
    with st.container(horizontal=True, key="guess_answers"):
        for side in Side:
            st.button(
                side.title,
                key=_key(game, f"guess_{side}"),
                icon=ICONS[side],
                shortcut=SHORTCUTS[side],
                width="stretch",
                on_click=game.guess,
                args=(side,),
            )


def _ask_confidence(game: Game, this_round: Round) -> None:
    st.markdown(f"## You say: {_guess(this_round).in_sentence}. How sure are you?")
    with st.container(horizontal=True, key="guess_answers"):
        for number, confidence in enumerate(CONFIDENCES, start=1):
            st.button(
                confidence.capitalize(),
                key=_key(game, f"sure_{number}"),
                shortcut=str(number),
                width="stretch",
                on_click=game.be_sure,
                args=(confidence,),
            )


def _reveal(game: Game, this_round: Round, picture: Picture, model: Model) -> None:
    """What the model says of the picture, and the question whether the viewer stays with the guess."""
    title = f"Picture {game.at + 1}"
    result = _analysed(game, this_round, picture, model)
    verdict_place, viewer = st.columns([2, 3], gap="large")
    with verdict_place:
        verdict.show(title, result, model.bundle)
        guess = _guess(this_round)
        st.markdown(f"### You said: {guess.in_sentence}. And now?")
        with st.container(key="guess_final"):
            for side in Side:
                what = "Stay with" if side == guess else "Change to"
                st.button(
                    f"{what} {side.in_sentence}",
                    key=_key(game, f"answer_{side}"),
                    icon=ICONS[side],
                    shortcut=SHORTCUTS[side],
                    width="stretch",
                    on_click=game.answer,
                    args=(side,),
                )
    with viewer:
        if result.analysis:
            _show_heatmap(this_round, result.analysis, picture, model, title)


def _analysed(game: Game, this_round: Round, picture: Picture, model: Model) -> FileResult:
    """What the model says, asked once. A picture that cannot be read after all is skipped."""
    if this_round.result:
        return this_round.result
    classifier = model.classifier()
    with st.spinner("The model is looking"):
        result = next(iter(classifier.analyse_files([partial(pictures.for_model, picture, model.bundle)])))
    if result.error:
        game.skip(result.error)
        st.rerun()
    this_round.result = result
    this_round.thumbnail = encoding.data_url(pictures.thumbnail(picture))
    return result


def _show_heatmap(this_round: Round, analysis: Analysis, picture: Picture, model: Model, title: str) -> None:
    """The map that was measured to be the most faithful of the quick ones; where none was measured,
    attention rollout, called untested."""
    if this_round.heatmap is None:
        this_round.heatmap = _quick_heatmap(picture, model) or analysis.heatmap
    heatmap = this_round.heatmap
    if heatmap is None:
        st.image(_jpeg(picture), alt=title)
        st.markdown(default_method.NO_ATTENTION)
        return
    method, measured = METHODS[heatmap.method], model.bundle.explanations
    st.markdown(f"**{method.title}**", help=method.sentence)
    if measured is None or heatmap.method not in measured.methods:
        st.caption("Whether this map tells what decided was not tested for this model.")
    heatmap_viewer(
        _jpeg(picture),
        "image/jpeg",
        analysis.region,
        analysis.attention if heatmap is analysis.heatmap else None,
        heatmap,
        alt=title,
        filename=f"{title}.jpg",
        key="guess_viewer",
        tiles=analysis.tiles,
        status=method.caption_of(heatmap),
    )


def _quick_heatmap(picture: Picture, model: Model) -> Heatmap | None:
    """The measured choice; None where there is none, where it came with the verdict, or where the network
    turns out not to allow it."""
    name = default_method.quick(model.bundle)
    if name is None or name == attention_rollout.NAME:
        return None
    classifier = model.classifier()
    with st.spinner(f"{METHODS[name].title}: the first one takes some seconds longer"):
        try:
            return classifier.explain(pictures.for_model(picture, model.bundle), name)
        except (Unavailable, ImageReadError):
            return None


def _other_ways(game: Game) -> None:
    with st.container(horizontal=True):
        if game.current and game.can_go_back:
            same_picture = game.current.stage == CONFIDENCE
            st.button(
                "Back" if same_picture else "Back to the last picture",
                key=_key(game, "back"),
                icon=":material/undo:",
                type="tertiary",
                shortcut="Backspace",
                on_click=game.back,
            )
        offer_end(game)


def offer_end(game: Game) -> None:
    """The way to what was counted so far."""
    st.button("End here", key=_key(game, "stop"), icon=":material/flag:", type="tertiary", on_click=game.stop)


def _guess(this_round: Round) -> Side:
    """The guess of a round in which one was made."""
    if this_round.guess is None:
        raise ValueError("this round has no guess yet")
    return this_round.guess


def _key(game: Game, name: str) -> str:
    """Another key for each picture, so that a click too many does nothing to the next one."""
    return f"{name}_{game.number}_{game.at}"
