"""The end of a game: how right everybody was, and what hearing the model did."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from detector.records import cell
from pages.guess.game import Game
from pages.guess.guess_state import state
from pages.guess.outcome import Outcome, Share, finished, outcome, records
from ui.text import plain, printable

FEW = 30
"""Below this many pictures the page says that the intervals are wide."""


ROW_HEIGHT, HEADER_HEIGHT, MAX_HEIGHT = 56, 38, 500
"""Pixels, of the table."""

MAX_SKIPPED = 5
"""Unreadable pictures that get a sentence each."""


def show(game: Game) -> None:
    """The end screen, with a way to play again."""
    rows = records(game.rounds)
    for name, sentence in game.skipped[:MAX_SKIPPED]:
        st.caption(f":material/broken_image: Skipped: {plain(name, limit=60)} — {plain(sentence, limit=300)}")
    if len(game.skipped) > MAX_SKIPPED:
        st.caption(f"And {len(game.skipped) - MAX_SKIPPED} more that could not be read.")
    if rows:
        result = outcome(game.rounds)
        if result.before.n:
            _with_truth(result)
        else:
            _without_truth(result)
        _table(game, rows)
    else:
        st.info(
            "No picture was played to its end, so there is nothing to count.",
            icon=":material/hourglass_empty:",
        )
    with st.container(horizontal=True):
        st.button(
            "Play again",
            type="primary",
            icon=":material/replay:",
            key="guess_again",
            on_click=state().deal_again,
        )
        offer_other_pictures()
        if rows:
            st.download_button(
                "Answers (CSV)",
                _as_csv(rows),
                "telltale-guesses.csv",
                "text/csv",
                icon=":material/table:",
                on_click="ignore",
                key="guesses",
            )


def offer_other_pictures() -> None:
    """The way back to choosing pictures."""
    st.button("Other pictures", icon=":material/photo_library:", key="guess_other", on_click=state().forget)


def _as_csv(rows: list[dict]) -> str:
    """Safe to open in a spreadsheet."""
    cells = []
    for row in rows:
        cells.append({key: cell(value) for key, value in row.items()})
    return pd.DataFrame(cells).to_csv(index=False)


def _with_truth(result: Outcome) -> None:
    st.subheader(_headline(result), anchor=False)
    _metrics(
        {
            "You, before": result.before,
            "You, after hearing the model": result.after,
            "The model alone": result.model,
        }
    )
    before, after = result.agreed_before, result.agreed_after
    lines = [
        f"**Swayed from right to wrong:** {_times(result.swayed_wrong, 'right')}",
        f"**Swayed from wrong to right:** {_times(result.swayed_right, 'wrong')}",
        f"**In agreement with the model:** {before.hits} of {before.n} before, {after.hits} after.",
        *_side_notes(result),
    ]
    st.markdown(_list(lines))
    by_confidence = []
    for confidence, share in result.by_confidence.items():
        if share.n:
            by_confidence.append(f"{confidence} {share.hits} of {share.n}")
    st.markdown(f"Your first guesses were right, by how sure you were: {', '.join(by_confidence)}.")
    known, played = result.before.n, result.agreed_before.n
    if known < FEW:
        st.caption(
            f"{known} pictures are few: the intervals say what the same player, on many more pictures like"
            " these, might well turn out to be."
        )
    if played > known:
        st.caption(
            f"Of {played} pictures, the truth is known for {known}; the rest counts for agreement only."
        )


def _without_truth(result: Outcome) -> None:
    followed = result.followed
    times = "time" if followed.n == 1 else "times"
    st.subheader(
        f"The model moved you {followed.hits} of {followed.n} {times} that you disagreed", anchor=False
    )
    _metrics(
        {
            "In agreement, before": result.agreed_before,
            "In agreement, after hearing the model": result.agreed_after,
        }
    )
    unknown = "**Who was right is not known:** nobody has said what these pictures are."
    lines = [unknown + _interval(followed)]
    lines += _side_notes(result)
    st.markdown(_list(lines))


def _metrics(shares: dict[str, Share]) -> None:
    """A tile for each share, side by side."""
    columns = st.columns(len(shares))
    for column, (title, share) in zip(columns, shares.items(), strict=True):
        column.metric(
            title,
            f"{share.hits} of {share.n}",
            delta=_percent(share),
            delta_color="off",
            delta_arrow="off",
            border=True,
        )


def _headline(result: Outcome) -> str:
    wrong, right = result.swayed_wrong.hits, result.swayed_right.hits
    if not wrong and not right:
        return "The model changed none of your answers for better or worse"
    return f"The model {_how_often('misled', wrong)} and {_how_often('corrected', right)}"


def _how_often(verb: str, times: int) -> str:
    if times == 0:
        return f"never {verb} you"
    return f"{verb} you once" if times == 1 else f"{verb} you {times} times"


def _times(share: Share, you_were: str) -> str:
    """How often the model prevailed, of how many occasions it had."""
    if not share.n:
        return f"it never leaned the other way when you were {you_were}."
    occasions = "the one time" if share.n == 1 else f"the {share.n} times"
    return (
        f"{share.hits} of {occasions} that you were {you_were} and it leaned the other way.{_interval(share)}"
    )


def _side_notes(result: Outcome) -> list[str]:
    notes = []
    if result.against.hits:
        notes.append(f"Changed although the model had agreed: {result.against.hits}.")
    if result.unsure:
        notes.append(f"The model was unsure about {result.unsure}; counted is the side it leaned to.")
    return notes


def _list(lines: list[str]) -> str:
    """As Markdown."""
    return "\n".join(f"- {line}" for line in lines)


def _percent(share: Share) -> str:
    """For instance "75%, 95% interval 30–95%"."""
    return f"{share.hits / share.n:.0%}, {share.interval}"


def _interval(share: Share) -> str:
    return f" :small[({_percent(share)})]" if share.n else ""


def _table(game: Game, rows: list[dict]) -> None:
    columns = {"Picture": [each.thumbnail for each in finished(game.rounds)]}
    if any(row["truth"] for row in rows):
        columns["Truth"] = [row["truth"] for row in rows]
    columns |= {
        "First guess": [row["first_guess"] for row in rows],
        "Sure": [row["confidence"] for row in rows],
        "Model": [row["model_verdict"] for row in rows],
        "P(AI)": [row["y_score"] for row in rows],
        "Answer": [row["final_answer"] for row in rows],
        "Effect": [row["effect"] for row in rows],
        "Name": [printable(row["picture"]) for row in rows],
    }
    st.dataframe(
        pd.DataFrame(columns),
        hide_index=True,
        key="guess_table",
        row_height=ROW_HEIGHT,
        height=min(HEADER_HEIGHT + ROW_HEIGHT * len(rows), MAX_HEIGHT),
        alt="The pictures and your answers",
        column_config={
            "Picture": st.column_config.ImageColumn("", width="small"),
            "P(AI)": st.column_config.ProgressColumn(
                help="Calibrated probability that the picture is AI-generated",
                format="%.3f",
                min_value=0,
                max_value=1,
            ),
        },
    )
