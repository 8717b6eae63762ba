"""Reports, of the open picture or of all: made when somebody asks for one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from detector.explain import METHODS, Heatmap
from detector.images import ImageReadError
from pages.classify.classify_state import state
from pages.classify.maps import MAPS
from ui import default_method
from ui.session import session

if TYPE_CHECKING:
    from concurrent.futures import Future

    from detector.bundle import Bundle
    from detector.classifier import Classifier
    from detector.reports import PictureReport
    from pages.classify.classify_state import ClassifyState, PictureExplanations, PictureResult
    from ui.models import Model

OPEN, ALL = "This picture", "All pictures"


def method_shown(bundle: Bundle) -> str:
    """The method of the first map on the page."""
    chosen = st.session_state.get(MAPS) or []
    return next((name for name in METHODS if name in chosen), default_method.default(bundle))


def known_maps(
    ours: ClassifyState, results: Sequence[PictureResult], model: Model, method: str
) -> dict[str, Heatmap]:
    """The maps by that method that were computed already, by picture id."""
    return _known(ours, results, model, lambda explanations: explanations.heatmaps.get(method))


def known_parts(ours: ClassifyState, results: Sequence[PictureResult], model: Model) -> dict[str, Heatmap]:
    """The region maps that were asked for, by picture id."""
    return _known(ours, results, model, lambda explanations: explanations.parts)


def _known(
    ours: ClassifyState,
    results: Sequence[PictureResult],
    model: Model,
    of: Callable[[PictureExplanations], Heatmap | str | None],
) -> dict[str, Heatmap]:
    known = {}
    for each in results:
        of_picture = ours.explanations.get((each.picture.id, model.version))
        heatmap = of(of_picture) if of_picture else None
        if isinstance(heatmap, Heatmap):  # or there is a sentence why there is none
            known[each.picture.id] = heatmap
    return known


def show(results: Sequence[PictureResult], now: Callable[[], list[PictureResult]], model: Model) -> None:
    """Ask which pictures a report is to be of, and hand it out as HTML or PDF, with what is known by then:
    ``now()``. results: of the pictures that are checked when the page is drawn."""
    with st.popover("Report", icon=":material/lab_profile:"):
        chosen = {each.picture.id for each in results}
        if len(results) > 1 and session().opened in chosen:
            which = st.segmented_control(
                "Of", [OPEN, ALL], default=OPEN, required=True, key="report_of", label_visibility="collapsed"
            )
            chosen = chosen if which == ALL else {session().opened or ""}
        if len(chosen) > 1:
            st.caption(f"About a second for each of the {len(chosen)} pictures.")
        ours, method = state(), method_shown(model.bundle)

        def make() -> list[PictureReport]:
            of_these = [each for each in now() if each.picture.id in chosen]
            known = known_maps(ours, of_these, model, method)
            parts = known_parts(ours, of_these, model)
            return _reports(of_these, model.bundle, method, known, parts, model.loading)

        with st.container(horizontal=True):
            _button("HTML", lambda: _as_html(make()), "text/html")
            _button("PDF", lambda: _as_pdf(make()), "application/pdf")


def _button(kind: str, make: Callable[[], bytes], media_type: str) -> None:
    st.download_button(
        f"Report ({kind})",
        make,
        f"telltale-report.{kind.lower()}",
        media_type,
        on_click="ignore",
        key=f"report_{kind.lower()}",
    )


def _as_html(reports: list[PictureReport]) -> bytes:
    from detector.reports import as_html  # not at the top: it would hold up the page's first opening

    return as_html(reports).encode()


def _as_pdf(reports: list[PictureReport]) -> bytes:
    from detector.reports import as_pdf

    return as_pdf(reports)


def _reports(
    results: Sequence[PictureResult],
    bundle: Bundle,
    method: str,
    known: dict[str, Heatmap],
    parts: dict[str, Heatmap],
    loading: Future[Classifier],
) -> list[PictureReport]:
    """Called in a thread of Streamlit's, after the script has ended."""
    from detector.reports import Examined, examine, picture_report

    classifier = loading.result()
    reports = []
    for each in results:
        picture = each.picture
        try:
            maps = known.get(picture.id), parts.get(picture.id)
            examined = examine(classifier, picture.name, picture.content, each.result, method, *maps)
        except ImageReadError:  # it was read when it came; a report without its map is better than none
            examined = Examined(picture.name, picture.content, each.result)
        reports.append(picture_report(examined, bundle))
    return reports
