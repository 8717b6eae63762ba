"""What somebody who reads no further than the top of the report should know."""

from __future__ import annotations

from detector.evaluation.comparison import Pairs
from detector.evaluation.intervals import Estimate
from detector.evaluation.metrics import METRICS, Format, Place, in_text, shown_in
from pages.evaluate import abstention_section, compare_tab, perturbations_section, shortcuts_tab, sources
from pages.evaluate.view import Part, View

UNDEFINED = "these rows do not define it"


def headlines(view: View) -> list[tuple[str, str, str]]:
    """(title, value, 95% interval) of each metric on top of the page, as people read them."""
    estimates = view.evaluation.estimates(view.threshold)
    boxes = []
    for metric in shown_in(Place.HEADLINES):
        estimate, written = estimates[metric.name], metric.format.text
        if estimate is None:
            boxes.append((metric.title, "–", UNDEFINED))
        else:
            interval = f"{written(estimate.low)} to {written(estimate.high)}"
            boxes.append((metric.title, written(estimate.value), interval))
    return boxes


def sentences(views: list[View], part: Part) -> list[str]:
    """What is left open, what delivery costs, whether a ruler would do, and how the other models compare.
    views: of that part of each source, the main one first."""
    view, *others = views
    told = []
    if at_work := abstention_section.at_own_threshold(view):
        told.append(abstention_section.of_band(at_work))
    if cost := _of_delivery(view, part):
        told.append(cost)
    if shortcut := view.evaluation.shortcut:
        areas = f"{shortcut.file_facts.value:.3f}, the model {shortcut.model.value:.3f}"
        told.append(f"Facts of the files alone reach a ROC AUC of {areas}. {shortcuts_tab.verdict(shortcut)}")
    for other in others:
        shared = compare_tab.pairs(view.evaluation, other.evaluation)
        if shared:
            told.append(_of_other(view, other, shared))
        else:
            told.append(f"{other.name} and {view.name} have no picture in common among these rows.")
    return told


def _of_delivery(view: View, part: Part) -> str | None:
    """What the delivery that costs most does to the set that is looked at; None where nothing is known."""
    leading = perturbations_section.leading()
    changes: dict[str, Estimate] = {}
    for each in sources.perturbed_sets(view.source):
        if each.set_name != part.set_name or not each.perturbation:
            continue
        change = each.pairs.difference(leading.name, view.threshold, view.threshold)
        if change:
            changes[each.perturbation] = change
    if not changes:
        return None
    worst = min(changes, key=lambda name: changes[name].value)
    return (
        f"Delivered as “{worst}”, the same pictures of “{part.set_name}” change"
        f" {in_text(leading.title)} by {difference(leading.name, changes[worst])}."
    )


def _of_other(view: View, other: View, shared: Pairs) -> str:
    """The second model beside the first, by the leading metric."""
    leading = shown_in(Place.HEADLINES)[0]
    change = shared.difference(leading.name, view.threshold, other.threshold)
    if change is None:
        return f"{other.name} and {view.name} cannot be compared on rows of one class."
    return (
        f"On the {len(shared.y_true):,} pictures both have judged, {other.name} minus {view.name} in"
        f" {in_text(leading.title)}: {difference(leading.name, change)}."
    )


def difference(name: str, change: Estimate) -> str:
    """A difference in a metric with its interval, of shares in percentage points."""
    if METRICS[name].format is Format.PERCENT:
        value, low, high = (100 * each for each in (change.value, change.low, change.high))
        return f"{value:+.1f} points ({low:+.1f} to {high:+.1f})"
    return f"{change.value:+.3f} ({change.low:+.3f} to {change.high:+.3f})"
