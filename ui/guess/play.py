"""One round on the page: the picture alone, then the guess, then the model's word. Before the guess nothing of the model is on the page."""

from __future__ import annotations

from base64 import b64encode
from concurrent.futures import Future
from io import BytesIO
from typing import TYPE_CHECKING

import streamlit as st
from PIL import Image

from detector.bundle import Bundle
from detector.explain import METHODS, Heatmap, Unavailable, attention_rollout
from detector.images import ImageReadError, read_image
from ui import models, verdict
from ui.explanations import maps
from ui.guess.game import AI, CONFIDENCES, REAL, WORDS, Game, Round
from ui.heatmap_viewer import heatmap_viewer
from ui.text import plain

if TYPE_CHECKING:
    from detector.classifier import Classifier

SHOWN = (1600, 1000)
"""Pixels, at most: a projector has hardly more."""
THUMBNAIL = (96, 96)
KEYS = {AI: "Left", REAL: "Right"}
TITLES = {AI: "AI-generated", REAL: "Real"}
ICONS = {AI: ":material/smart_toy:", REAL: ":material/photo_camera:"}

STYLE = """<style>
.st-key-guess_picture img { height: clamp(14rem, 100vh - 25rem, 92vw); width: 100%; max-width: 100%; object-fit: contain; }
.st-key-guess_picture :is([data-testid=stImage], [data-testid=stImageContainer], [data-testid=stFullScreenFrame]) { width: 100% !important; }
:is(.st-key-guess_answers, .st-key-guess_final) button { min-height: 4rem; }
:is(.st-key-guess_answers, .st-key-guess_final) button p { font-size: 1.35rem; }
.st-key-guess_answers > div { flex: 1 1 9rem !important; }
</style>"""


def show(game: Game, bundle: Bundle, loading: Future[Classifier]) -> None:
    """The current round of a game."""
    jpeg = _readable(game)
    if jpeg is None:
        st.rerun()  # nothing is left to show: to the end
    round = game.current
    number, of = game.at + 1, len(game.rounds)
    st.html('<h1 style="position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)">Guess first</h1>')  # the picture needs the room
    st.progress((number - 1) / of, f"Picture {number} of {of}" + (" · practice round" if game.practice else ""))
    _show_skipped(game)
    st.html(STYLE)
    if round.stage == "reveal":
        _reveal(game, round, bundle, loading, jpeg, f"Picture {number}")
    else:
        with st.container(key="guess_picture"):
            st.image(jpeg, width="stretch", alt=f"Picture {number} of {of}")
        if round.stage == "guess":
            _ask(game, "What is this picture?")
        else:
            _ask_confidence(game, round)
    _other_ways(game)


def thumbnail(round: Round) -> str:
    """The picture as a data URL for the table at the end; "" if its file has gone."""
    try:
        return f"data:image/jpeg;base64,{b64encode(_jpeg(round.candidate.read(), THUMBNAIL)).decode()}"
    except ImageReadError:
        return ""


def _readable(game: Game) -> bytes | None:
    """The current picture as it is shown; what cannot be read is skipped. None if nothing is left."""
    while game.current:
        try:
            return _jpeg(game.current.candidate.read(), SHOWN)
        except ImageReadError as error:
            game.skip(str(error))
    return None


@st.cache_data(max_entries=64, show_spinner=False)
def _jpeg(content: bytes, size: tuple[int, int]) -> bytes:
    picture = Image.fromarray(read_image(content, short_side=min(size)).pixels)
    picture.thumbnail(size)
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def _show_skipped(game: Game) -> None:
    for name, sentence in game.skipped[-2:]:
        st.caption(f":material/broken_image: Skipped: {plain(name, limit=60)} — {plain(sentence, limit=300)}")


def _ask(game: Game, question: str) -> None:
    st.markdown(f"## {question}")
    with st.container(horizontal=True, key="guess_answers"):
        for y in (AI, REAL):
            st.button(TITLES[y], key=_key(game, f"guess_{y}"), icon=ICONS[y], shortcut=KEYS[y], width="stretch", on_click=game.guess, args=(y,))


def _ask_confidence(game: Game, round: Round) -> None:
    st.markdown(f"## You say: {WORDS[round.guess]}. How sure are you?")
    with st.container(horizontal=True, key="guess_answers"):
        for number, confidence in enumerate(CONFIDENCES, start=1):
            key = _key(game, f"sure_{number}")
            st.button(confidence.capitalize(), key=key, shortcut=str(number), width="stretch", on_click=game.be_sure, args=(confidence,))


def _reveal(game: Game, round: Round, bundle: Bundle, loading: Future[Classifier], jpeg: bytes, title: str) -> None:
    """What the model says of the picture, and the question whether the viewer stays with the guess."""
    if round.result is None:
        classifier = models.started(loading)
        with st.spinner("The model is looking"):
            result = next(iter(classifier.analyse_files([round.candidate.read()])))
        if result.analysis is None:
            game.skip(result.error)
            st.rerun()
        round.result = result
    words, viewer = st.columns([2, 3], gap="large")
    with words:
        verdict.show(title, round.result, bundle)
        st.markdown(f"### You said: {WORDS[round.guess]}. And now?")
        with st.container(key="guess_final"):
            for y in (AI, REAL):
                label = f"Stay with {WORDS[y]}" if y == round.guess else f"Change to {WORDS[y]}"
                st.button(label, key=_key(game, f"answer_{y}"), icon=ICONS[y], shortcut=KEYS[y], width="stretch", on_click=game.answer, args=(y,))
    with viewer:
        _heatmap(round, bundle, loading, jpeg, title)


def _heatmap(round: Round, bundle: Bundle, loading: Future[Classifier], jpeg: bytes, title: str) -> None:
    """The map that was measured to be the most faithful of the quick ones; where none was measured, attention rollout, called untested."""
    analysis = round.result.analysis
    if round.heatmap is None:
        round.heatmap = _explained(round, bundle, loading) or analysis.heatmap
    heatmap = round.heatmap
    if heatmap is None:
        st.image(jpeg, alt=title)
        st.markdown(maps.NO_ATTENTION)
        return
    method = METHODS[heatmap.method]
    st.markdown(f"**{method.title}**", help=method.sentence)
    if not (bundle.explanations and heatmap.method in bundle.explanations.methods):
        st.caption("Whether this map tells what decided was not tested for this model.")
    attention = analysis.attention if heatmap is analysis.heatmap else None
    status = maps.STATUS[heatmap.method].format(side={"ai": "AI-generated", "real": "real"}.get(heatmap.towards or "", ""))
    heatmap_viewer(
        jpeg, "image/jpeg", analysis.region, attention, heatmap, alt=title, filename=f"{title}.jpg", key="guess_viewer", status=status
    )  # fmt: skip


def _explained(round: Round, bundle: Bundle, loading: Future[Classifier]) -> Heatmap | None:
    """The measured choice; None where there is none, where it came with the verdict, or where the network turns out not to allow it."""
    name = maps.quick(bundle)
    if name is None or name == attention_rollout.NAME:
        return None
    classifier = models.started(loading)
    with st.spinner(f"{METHODS[name].title}: the first one takes some seconds longer"):
        try:
            return classifier.explain(read_image(round.candidate.read()), name)
        except (Unavailable, ImageReadError):
            return None


def _other_ways(game: Game) -> None:
    with st.container(horizontal=True):
        back = "Back" if game.current.stage == "confidence" else "Back to the last picture"
        if game.can_go_back:
            st.button(back, key=_key(game, "back"), icon=":material/undo:", type="tertiary", shortcut="Backspace", on_click=game.back)
        st.button("End here", key=_key(game, "stop"), icon=":material/flag:", type="tertiary", on_click=game.stop)


def _key(game: Game, name: str) -> str:
    """Another key for each picture, so that a click too many does nothing to the next one."""
    return f"{name}_{game.number}_{game.at}"
