"""Would a ruler do as well as the network?"""

from __future__ import annotations

import streamlit as st

from detector.evaluation.evaluation import Evaluation
from detector.evaluation.intervals import Estimate
from detector.evaluation.shortcut import FACTS, Shortcut, fact_columns
from ui import interval_metric
from ui.text import plain


def show(evaluation: Evaluation) -> None:
    """Both areas beside each other, and what to make of them."""
    st.markdown(
        "If the real and the AI-generated pictures of a test differ in **size, shape or format**, a model can"
        " look excellent by reading those and know nothing about pictures. So here small decision trees get"
        " the facts of the file and nothing else."
    )
    if not fact_columns(evaluation.rows):
        st.info(
            f"These rows carry no facts of the file. The columns looked for: {', '.join(FACTS)}, also after"
            " original_.",
            icon=":material/info:",
        )
        return
    with st.spinner("Growing trees on the facts of the files"):
        shortcut = evaluation.shortcut
    if shortcut is None:
        st.info("There are too few rows of one class for this check.", icon=":material/info:")
        return
    with st.container(horizontal=True):
        interval_metric.area("File facts alone, ROC AUC", shortcut.file_facts)
        interval_metric.area("The model, ROC AUC", shortcut.model)
    if shortcut.as_good_as_the_model:
        how_well = "better than" if shortcut.file_facts.low > shortcut.model.high else "as well as"
        words = f"**A ruler does {how_well} the network here.** {verdict(shortcut)}"
        say = st.warning if _of_originals(shortcut) else st.error
        say(words, icon=":material/straighten:")
    elif shortcut.file_facts.low > 0.5:
        st.warning(verdict(shortcut), icon=":material/straighten:")
    else:
        st.success(verdict(shortcut), icon=":material/check:")
    facts = plain(", ".join(shortcut.columns), limit=300)
    st.caption(
        f"{shortcut.rows:,} rows, facts used: {facts}. Five folds; every row is scored by trees that did not"
        " see it."
    )
    if _of_originals(shortcut):
        st.caption(
            "The original facts are those of the files before somebody prepared them. If the model was given"
            " files made alike, as those that ship are, it did not see these facts themselves, only what goes"
            " along with them, such as sharpness or subject. `python -m detector.evaluation` also measures it"
            " on rows that were alike from the start: of one format, and of sizes matched."
        )


def sentences(evaluation: Evaluation) -> list[str]:
    """The check for the report: both areas and the verdict, or nothing where it cannot be made."""
    shortcut = evaluation.shortcut
    if shortcut is None:
        return []
    ruler, model = _in_words(shortcut.file_facts), _in_words(shortcut.model)
    facts = ", ".join(shortcut.columns)
    return [
        f"Shortcut check on {shortcut.rows:,} rows: file facts alone ({facts}) reach a ROC AUC of {ruler},"
        f" the model {model}. {verdict(shortcut)}"
    ]


def _of_originals(shortcut: Shortcut) -> bool:
    return any(column.startswith("original_") for column in shortcut.columns)


def _in_words(area: Estimate) -> str:
    return f"{area.value:.3f} ({area.low:.3f} to {area.high:.3f})"


def verdict(shortcut: Shortcut) -> str:
    """What the two areas say about each other."""
    if shortcut.as_good_as_the_model:
        return (
            "These rows cannot show that the model looks at pictures. Measure it on rows whose files are"
            " alike."
        )
    if shortcut.file_facts.low > 0.5:
        return (
            "The facts of the files tell the classes apart to some degree. The model does better, but part of"
            " its figures may come from them."
        )
    return "The facts of the files say nothing about the class here; what the model does, it does by looking."
