"""Which explanation method is true of the model?"""

from __future__ import annotations

import shlex

import pandas as pd
import streamlit as st

from detector.bundle import Bundle
from detector.evaluation.explanations import Explanations, MethodScore
from detector.explain import METHODS, attention_rollout
from ui import figures
from ui.evaluate.sources import Source
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
        "A heatmap is easy to draw. Whether it is **true of the model** can be tested: blur the marked patches away, the strongest first, and the "
        "model should lose its verdict sooner than in random order (**deletion**); bring them back to a blurred picture, and it should find the "
        "verdict sooner (**insertion**). The gains are areas between both curves: 0 is no better than chance."
    )
    if source.bundle is None:
        st.info("Predictions from a file come without a model, so there is nothing to explain.", icon=":material/info:")
        return
    found = source.bundle.explanations
    if found is None:
        _missing(source.bundle)
        return
    verdict = st.success if found.default == attention_rollout.NAME else st.warning
    verdict(" ".join(sentences(found)), icon=":material/fact_check:")
    settings = figures.config("explanations", image_format)
    st.plotly_chart(_chart(found), key="explanation_gains", config=settings, alt="Deletion and insertion gain of each method with 95% intervals")
    st.dataframe(
        table(found), key="explanations_table", hide_index=True, height="content", alt="Faithfulness of each explanation method",
        column_config={
            "Beats random on": st.column_config.NumberColumn(format="percent", help="Pictures where the map's order beats the average random one."),
            "ms per map": st.column_config.NumberColumn(format="%.0f", help="Median on the machine that measured it."),
        } | {title: st.column_config.NumberColumn(format="%+.3f") for title in ("Deletion gain", "Insertion gain")},
    )  # fmt: skip
    st.caption(
        f"Measured on {plain(found.measured_on, limit=300)}, with these weights; the rows and the threshold chosen above change nothing here. 95% "
        "intervals over the pictures. Faithful to the model does not mean that the model is right: the maps of its mistakes are measured, too. "
        "Occlusion is the slow referee: it blurs patches itself, so it is close to the test it is judged by."
    )


def sentences(found: Explanations) -> list[str]:
    """Who wins, at what price, and what that says about the rollout, in Markdown."""
    winner = found.methods[found.default]
    told = [f"**{_title(found.default)} is the most faithful method for this model**, and the one to show first."]
    quick = [(name, score) for name, score in found.ranked if score.ms_per_map < winner.ms_per_map / SLOW]
    if quick:
        name, score = quick[0]
        told.append(
            f"It takes about {winner.ms_per_map / score.ms_per_map:.0f} times as long as {_title(name)}, the most faithful of the quick methods."
        )
    rollout = found.methods.get(attention_rollout.NAME)
    if rollout and found.default != attention_rollout.NAME:
        told.append(f"**Attention rollout loses:** {_against_chance(rollout)}. It shows where the network looks, not what its verdict rests on.")
    elif rollout:
        told.append(f"Attention rollout wins here: {_against_chance(rollout)}.")
    return told


def table(found: Explanations) -> pd.DataFrame:
    """A row per method, the best first."""
    rows = []
    for name, score in found.ranked:
        row = {"Method": METHODS[name].title if name in METHODS else name}
        for figure, (title, interval) in FIGURES.items():
            estimate = getattr(score, figure)
            form = "{:.1%} to {:.1%}" if figure == "win_rate_over_random" else "{:+.3f} to {:+.3f}"
            row |= {title: estimate.value, interval: form.format(estimate.low, estimate.high)}
        rows.append({**row, "ms per map": score.ms_per_map})
    return pd.DataFrame(rows)


def _against_chance(score: MethodScore) -> str:
    wins = score.win_rate_over_random
    word = "more often than" if wins.low > 0.5 else "less often than" if wins.high < 0.5 else "no more often than"
    return f"its order beats a random one on {wins.value:.0%} of the pictures ({wins.low:.0%} to {wins.high:.0%}), {word} chance would"


def _chart(found: Explanations):
    names = [_title(name, markup=False) for name, _ in found.ranked]
    return figures.gains(names, {
        "deletion": [score.deletion_gain for _, score in found.ranked],
        "insertion": [score.insertion_gain for _, score in found.ranked],
    })  # fmt: skip


def _title(name: str, markup: bool = True) -> str:
    title = METHODS[name].title if name in METHODS else name
    return plain(title) if markup else title


def _missing(bundle: Bundle) -> None:
    if "explanations" in bundle.card:
        problem = "The card's figures on explanations were measured with other weights, or make no sense, so they are not shown."
        st.warning(problem, icon=":material/history:")
    else:
        st.info("Nobody has measured yet how far this model's heatmaps can be believed.", icon=":material/science:")
    st.markdown("This command does it, with the validation images of a dataset, and writes the result into the model's card:")
    st.code(f"python -m benchmarks.explanations --bundle {shlex.quote(bundle.name)} --data DIR --write", language="bash", wrap_lines=True)
    st.caption("About ten minutes for 300 images on two idle cores. Without --write it only prints. A folder of images does, too: --folder DIR.")
