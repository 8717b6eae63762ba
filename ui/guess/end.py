"""The end of a game: how right everybody was, and what hearing the model did."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from detector.records import cell
from ui.guess import play, setup
from ui.guess.game import Game
from ui.guess.outcome import Outcome, Share, outcome, records
from ui.text import plain, printable

FEW = 30
"""Below this many pictures the page says that the intervals are wide."""


def show(game: Game) -> None:
    """The end screen, with a way to play again."""
    rows = records(game.rounds)
    for name, sentence in game.skipped[:5]:
        st.caption(f":material/broken_image: Skipped: {plain(name, limit=60)} — {plain(sentence, limit=300)}")
    if len(game.skipped) > 5:
        st.caption(f"And {len(game.skipped) - 5} more that could not be read.")
    if rows:
        found = outcome(game.rounds)
        if found.before.n:
            _with_truth(found)
        else:
            _without_truth(found)
        _table(game, rows)
    else:
        st.info("No picture was played to its end, so there is nothing to count.", icon=":material/hourglass_empty:")
    with st.container(horizontal=True):
        st.button("Play again", type="primary", icon=":material/replay:", key="guess_again", on_click=setup.again, args=(game,), shortcut="Enter")
        st.button("Other pictures", icon=":material/photo_library:", key="guess_other", on_click=setup.forget)
        if rows:
            table = pd.DataFrame([{key: cell(value) for key, value in row.items()} for row in rows]).to_csv(index=False)
            st.download_button("Answers (CSV)", table, "telltale-guesses.csv", "text/csv", icon=":material/table:", on_click="ignore", key="guesses")


def _with_truth(found: Outcome) -> None:
    wrong, right = found.swayed_wrong, found.swayed_right
    st.subheader(_headline(found), anchor=False)
    for column, (title, share) in zip(
        st.columns(3), (("You, before", found.before), ("You, after hearing the model", found.after), ("The model alone", found.model)), strict=True
    ):
        column.metric(title, f"{share.hits} of {share.n}", delta=_percent(share), delta_color="off", delta_arrow="off", border=True)
    st.markdown(
        f"- **Swayed from right to wrong:** {_times(wrong, 'right')}\n- **Swayed from wrong to right:** {_times(right, 'wrong')}\n"
        f"- **In agreement with the model:** {found.agreed_before.hits} of {found.agreed_before.n} before, {found.agreed_after.hits} after.\n"
        + _side_notes(found)
    )
    sure = [f"{confidence} {share.hits} of {share.n}" for confidence, share in found.by_confidence.items() if share.n]
    st.markdown(f"Your first guesses were right, by how sure you were: {', '.join(sure)}.")
    if found.before.n < FEW:
        st.caption(
            f"{found.before.n} pictures are few: the intervals say what the same player, on many more pictures like these, might well turn out to be."
        )
    if found.agreed_before.n > found.before.n:
        st.caption(f"Of {found.agreed_before.n} pictures, the truth is known for {found.before.n}; the rest counts for agreement only.")


def _without_truth(found: Outcome) -> None:
    times = "time" if found.followed.n == 1 else "times"
    st.subheader(f"The model moved you {found.followed.hits} of {found.followed.n} {times} that you disagreed", anchor=False)
    for column, (title, share) in zip(
        st.columns(2), (("In agreement, before", found.agreed_before), ("In agreement, after hearing the model", found.agreed_after)), strict=True
    ):
        column.metric(title, f"{share.hits} of {share.n}", delta=_percent(share), delta_color="off", delta_arrow="off", border=True)
    st.markdown(f"**Who was right is not known:** nobody has said what these pictures are.{_interval(found.followed)}\n" + _side_notes(found))


def _headline(found: Outcome) -> str:
    wrong, right = found.swayed_wrong.hits, found.swayed_right.hits
    if not wrong and not right:
        return "The model changed none of your answers for better or worse"
    misled, corrected = ({0: "never {} you", 1: "{} you once"}.get(times, f"{{}} you {times} times") for times in (wrong, right))
    return f"The model {misled.format('misled')} and {corrected.format('corrected')}"


def _times(share: Share, you_were: str) -> str:
    """How often the model prevailed, of how many occasions it had."""
    if not share.n:
        return f"it never leaned the other way when you were {you_were}."
    occasions = "the one time" if share.n == 1 else f"the {share.n} times"
    return f"{share.hits} of {occasions} that you were {you_were} and it leaned the other way.{_interval(share)}"


def _side_notes(found: Outcome) -> str:
    notes = ""
    if found.against.hits:
        notes += f"- Changed although the model had agreed: {found.against.hits}.\n"
    if found.unsure:
        notes += f"- The model was unsure about {found.unsure}; counted is the side it leaned to.\n"
    return notes


def _percent(share: Share) -> str:
    found = share.estimate
    return f"{found.value:.0%}, 95% interval {100 * found.low:.0f}–{100 * found.high:.0f}%"


def _interval(share: Share) -> str:
    return f" :small[({_percent(share)})]" if share.n else ""


def _table(game: Game, rows: list[dict]) -> None:
    rounds = [round for round in game.rounds if round.stage == "done"]
    known = any(row["truth"] for row in rows)
    table = pd.DataFrame({
        "Picture": [play.thumbnail(round) for round in rounds],
        **({"Truth": [row["truth"] for row in rows]} if known else {}),
        "First guess": [row["first_guess"] for row in rows],
        "Sure": [row["confidence"] for row in rows],
        "Model": [row["model_verdict"] for row in rows],
        "P(AI)": [row["y_score"] for row in rows],
        "Answer": [row["final_answer"] for row in rows],
        "Effect": [row["effect"] for row in rows],
        "Name": [printable(row["picture"]) for row in rows],
    })  # fmt: skip
    st.dataframe(
        table, hide_index=True, key="guess_table", row_height=56, height=min(38 + 56 * len(table), 500), alt="The pictures and your answers",
        column_config={
            "Picture": st.column_config.ImageColumn("", width="small"),
            "P(AI)": st.column_config.ProgressColumn(
                help="Calibrated probability that the picture is AI-generated", format="%.3f", min_value=0, max_value=1
            ),
        },
    )  # fmt: skip
