"""The same pictures as they are and as sites and messengers deliver them: how much of the model's skill
arrives."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from detector.evaluation import perturbed
from detector.evaluation.before_after import PerturbedSet
from detector.evaluation.intervals import Estimate
from detector.evaluation.metrics import Format, Metric, Place, shown_in
from detector.evaluation.perturbed import CLEAN
from detector.evaluation.slices import spread
from pages.evaluate import sources
from pages.evaluate.view import Source, View
from ui import figures
from ui.text import plain

DESCRIPTION = {"set": "Set", "perturbation": "Delivery", "n": "Pictures"}
"""The columns that say what a row is."""


def show(view: View, image_format: str) -> None:
    """The figure, and its table folded away; without perturbed pictures, what would bring them."""
    st.subheader("After delivery", anchor=False)
    source = view.source
    if len(sources.by_perturbation(source)) < 2:
        how = "A column **delivery** that names what was done would tell them apart."
        if source.bundle:
            how = "`python -m train.report` adds them."
        st.caption(
            f"These predictions hold no pictures that were shrunk or compressed again on their way. {how}"
        )
        return
    drawn = table(sources.perturbed_sets(source), view.threshold)
    if not len(drawn):
        st.info(
            "The delivered pictures cannot be matched with the same pictures as they are: that takes a column"
            " **id**, the same for all copies."
        )
        return
    settings = figures.config("deliveries", image_format)
    st.plotly_chart(
        chart(drawn),
        key="deliveries",
        config=settings,
        alt="Balanced accuracy of each set before and after delivery",
    )
    for sentence in sentences(source):
        st.caption(plain(sentence, limit=600))
    with st.expander("The figures as a table", icon=":material/table:"):
        st.dataframe(
            readable(drawn),
            key="deliveries_table",
            hide_index=True,
            placeholder="–",
            height="content",
            alt="Metrics of each set before and after delivery",
            column_config={
                title: st.column_config.NumberColumn(format=form) for title, form in formats().items()
            },
        )


def leading() -> Metric:
    """The metric whose change is drawn, and told with its interval."""
    return shown_in(Place.CHANGE)[0]


def table(perturbed_sets: list[PerturbedSet], threshold: float) -> pd.DataFrame:
    """A row per set and perturbation. The columns of ``DESCRIPTION``; each metric of ``Place.PERTURBATIONS``,
    the leading one with the ends of its interval; and for those of ``Place.CHANGE`` the change on the same
    pictures, of shares in percentage points, the leading one's with its paired interval."""
    return pd.DataFrame([_row(each, threshold) for each in perturbed_sets])


def chart(table: pd.DataFrame):
    """The leading metric of each set, before and after."""
    return figures.perturbations(table, leading().name, leading().heading)


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The table with headings for people."""
    if not len(table):
        return table
    titles = DESCRIPTION | _columns()
    named = [name or perturbed.CLEAN_TITLE for name in table["perturbation"]]
    return table.assign(perturbation=named)[list(titles)].rename(columns=titles)


def sentences(source: Source) -> list[str]:
    """What the figures rest on; names in them are still those of the file."""
    tables = {name: each.rows for name, each in sources.by_perturbation(source).items()}
    told = []
    titles = perturbed.titles()
    known = [name for name in tables if name != CLEAN and name in titles]
    if known:
        meanings = [f"“{name}” is {titles[name]}" for name in known]
        told.append(f"{'. '.join(meanings)}.")
    told.append(
        "Every set is shown on the same pictures before and after, so chance in drawing pictures does not"
        " make the change. 95% intervals."
    )
    shares = perturbed.only_compressed(tables)
    small = {name: share for name, share in shares.items() if share > 0}
    if small:
        parts = [f"{share:.0%} of those of “{name}”" for name, share in small.items()]
        told.append(
            f"Already smaller than the limit, hence compressed again but not shrunk: {', '.join(parts)}."
            " What shrinking costs, these cannot show."
        )
    return told


def _row(each: PerturbedSet, threshold: float) -> dict[str, object]:
    row: dict[str, object] = {
        "set": each.set_name,
        "perturbation": each.perturbation,
        "n": each.rows.curves.n,
    }
    for metric in shown_in(Place.PERTURBATIONS):
        if metric is leading():
            row |= spread(metric.name, metric.estimate(each.rows, threshold))
        else:
            value = metric.value(each.rows, threshold)
            row[metric.name] = float("nan") if value is None else value
    for metric in shown_in(Place.CHANGE):
        change = None
        if each.perturbation != CLEAN:
            change = each.pairs.difference(metric.name, threshold, threshold)
        row |= spread(f"{metric.name}_change", _in_points(metric, change))
    return row


def _in_points(metric: Metric, change: Estimate | None) -> Estimate | None:
    """A change of a share in percentage points; any other as it is."""
    if change is None or metric.format is not Format.PERCENT:
        return change
    return Estimate(100 * change.value, 100 * change.low, 100 * change.high)


def _columns() -> dict[str, str]:
    """Column of ``table`` -> its heading, metric by metric."""
    changing = shown_in(Place.CHANGE)
    first = leading().name
    titles = {
        first: leading().short,
        f"{first}_low": "from",
        f"{first}_high": "to",
        f"{first}_change": "Change, points",
        f"{first}_change_low": "at least",
        f"{first}_change_high": "at most",
    }
    for metric in shown_in(Place.PERTURBATIONS):
        titles.setdefault(metric.name, metric.short)
    for metric in changing[1:]:
        titles[f"{metric.name}_change"] = f"{metric.short} change"
    return titles


def formats() -> dict[str, str]:
    """Heading -> how Streamlit writes the column."""
    titles = _columns()
    first = leading().name
    forms = {}
    for metric in shown_in(Place.PERTURBATIONS):
        forms[titles[metric.name]] = metric.format.value
    for metric in shown_in(Place.CHANGE):
        in_points = metric.format is Format.PERCENT
        forms[titles[f"{metric.name}_change"]] = "%+.1f" if in_points else "%+.3f"
    for end in ("low", "high"):
        forms[titles[f"{first}_{end}"]] = leading().format.value
        forms[titles[f"{first}_change_{end}"]] = "%+.1f"
    return forms
