"""Which explanation method is true of the model?"""

from __future__ import annotations

import shlex

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from detector.bundle import Bundle
from detector.evaluation.method_scores import COMMAND, Explanations, MethodScore
from detector.explain import attention_rollout, title_of
from pages.evaluate.view import Source
from ui import figures
from ui.text import plain

FIGURES = {
    "deletion_gain": ("Deletion gain", "95% interval, deletion"),
    "insertion_gain": ("Insertion gain", "95% interval, insertion"),
    "win_rate_over_random": ("Beats random on", "95% interval, share"),
}
"""A figure of the card -> the titles of its column and of its interval's."""

SLOW = 5
"""A winner that takes so many times as long as another method is told apart from the quick ones."""


def show(source: Source, image_format: str) -> None:
    """The winner in a sentence, both gains as a figure, and everything as a table."""
    st.markdown(
        "A heatmap is easy to draw. Whether it is **true of the model** can be tested: blur the marked"
        " patches away, the strongest first, and the model should lose its verdict sooner than in random"
        " order (**deletion**); bring them back to a blurred picture, and it should find the verdict sooner"
        " (**insertion**). The gains are areas between both curves: 0 is no better than chance."
    )
    if source.bundle is None:
        st.info(
            "Predictions from a file come without a model, so there is nothing to explain.",
            icon=":material/info:",
        )
        return
    explanations = source.bundle.explanations
    if explanations is None:
        _missing(source.bundle)
        return
    rollout_won = explanations.most_faithful == attention_rollout.NAME
    verdict = st.success if rollout_won else st.warning
    verdict(" ".join(sentences(explanations)), icon=":material/fact_check:")
    settings = figures.config("explanations", image_format)
    st.plotly_chart(
        _chart(explanations),
        key="explanation_gains",
        config=settings,
        alt="Deletion and insertion gain of each method with 95% intervals",
    )
    gain = st.column_config.NumberColumn(format="%+.3f")
    st.dataframe(
        table(explanations),
        key="explanations_table",
        hide_index=True,
        height="content",
        alt="Faithfulness of each explanation method",
        column_config={
            "Deletion gain": gain,
            "Insertion gain": gain,
            "Beats random on": st.column_config.NumberColumn(
                format="percent", help="Pictures where the map's order beats the average random one."
            ),
            "ms per map": st.column_config.NumberColumn(
                format="%.0f", help="Median on the machine that measured it."
            ),
        },
    )
    st.caption(
        f"Measured on {plain(explanations.measured_on, limit=300)}, with these weights; the rows and the"
        " threshold chosen above change nothing here. 95% intervals over the pictures. Faithful to the model"
        " does not mean that the model is right: the maps of its mistakes are measured, too. Occlusion is the"
        " slow referee: it blurs patches itself, so it is close to the test it is judged by."
    )


def sentences(explanations: Explanations) -> list[str]:
    """Who wins, at what price, and what that says about the rollout, in Markdown."""
    best, first = _title(explanations.most_faithful), _title(explanations.default)
    told = [f"**{best} is the most faithful method for this model**, and the one to show first."]
    if first != best:
        told = [f"**{best} is the most faithful method for this model.** {first} is shown first, sooner."]
    price = _price(explanations)
    if price:
        told.append(price)
    rollout = explanations.methods.get(attention_rollout.NAME)
    if rollout and explanations.most_faithful != attention_rollout.NAME:
        told.append(
            f"**Attention rollout loses:** {_against_chance(rollout)}. It shows where the network looks, not"
            " what its verdict rests on."
        )
    elif rollout:
        told.append(f"Attention rollout wins here: {_against_chance(rollout)}.")
    return told


def _price(explanations: Explanations) -> str | None:
    """What a slow winner costs beside the best of the quick methods; None where there is none."""
    winner = explanations.methods[explanations.most_faithful]
    for name, score in explanations.ranked:
        if score.ms_per_map < winner.ms_per_map / SLOW:
            times = winner.ms_per_map / score.ms_per_map
            return (
                f"It takes about {times:.0f} times as long as {_title(name)}, the most faithful of the quick"
                " methods."
            )
    return None


def table(explanations: Explanations) -> pd.DataFrame:
    """A row per method, the best first."""
    rows = []
    for name, score in explanations.ranked:
        row: dict[str, object] = {"Method": _title(name, markup=False)}
        for figure, (title, interval) in FIGURES.items():
            estimate = getattr(score, figure)
            form = "{:.1%} to {:.1%}" if figure == "win_rate_over_random" else "{:+.3f} to {:+.3f}"
            row[title] = estimate.value
            row[interval] = form.format(estimate.low, estimate.high)
        row["ms per map"] = score.ms_per_map
        rows.append(row)
    return pd.DataFrame(rows)


def _against_chance(score: MethodScore) -> str:
    wins = score.win_rate_over_random
    word = "no more often than"
    if wins.low > 0.5:
        word = "more often than"
    elif wins.high < 0.5:
        word = "less often than"
    return (
        f"its order beats a random one on {wins.value:.0%} of the pictures ({wins.low:.0%} to"
        f" {wins.high:.0%}), {word} chance would"
    )


def _chart(explanations: Explanations) -> go.Figure:
    ranked = explanations.ranked
    names = [_title(name, markup=False) for name, _ in ranked]
    gains = {
        "deletion": [score.deletion_gain for _, score in ranked],
        "insertion": [score.insertion_gain for _, score in ranked],
    }
    return figures.gains(names, gains)


def _title(name: str, markup: bool = True) -> str:
    return plain(title_of(name)) if markup else title_of(name)


def _missing(bundle: Bundle) -> None:
    if "explanations" in bundle.card:
        problem = (
            "The card's figures on explanations were measured with other weights, or make no sense, so they"
            " are not shown."
        )
        st.warning(problem, icon=":material/history:")
    else:
        st.info(
            "Nobody has measured yet how far this model's heatmaps can be believed.",
            icon=":material/science:",
        )
    st.markdown(
        "This command does it, with the validation images of a dataset, and writes the result into the"
        " model's card:"
    )
    st.code(
        f"{COMMAND} --bundle {shlex.quote(bundle.name)} --data DIR --write",
        language="bash",
        wrap_lines=True,
    )
    st.caption(
        "About ten minutes for 300 images on two idle cores. Without --write it only prints. A folder of"
        " images does, too: --folder DIR."
    )
