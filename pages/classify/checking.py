"""From pictures to verdicts: the open one first, the others while its user looks at it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pages.classify.background_check import BATCH, BackgroundCheck, judged
from pages.classify.classify_state import ClassifyState, PictureResult, state
from ui import threshold
from ui.session import session

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from detector.bundle import Bundle
    from ui.models import Model
    from ui.pictures import Picture

PATIENCE = 0.15
"""Seconds that a run of the script waits for the rest, where that is one batch: of a few pictures all
verdicts are there at once."""

PAINTING = 0.07
"""Seconds that a browser on the same machine has the processor for, to show the photo. Begun at once, the
forward pass would take every core from it, and the verdict would be there no sooner."""


def let_go(brought_in: Sequence[Picture]) -> None:
    """Forget all other pictures. For the page itself, which alone knows what is here now: a fragment, and
    what is called after the script, have the list of an earlier run."""
    state().forget_all_but({picture.id for picture in brought_in})


def known(brought_in: Sequence[Picture], model: Model) -> list[PictureResult]:
    """What the model has said so far, in the order of the pictures: by the threshold in use, and with what is
    known of perturbed copies."""
    return known_to(state(), brought_in, model)


def known_to(ours: ClassifyState, brought_in: Sequence[Picture], model: Model) -> list[PictureResult]:
    """The same, in any thread."""
    bundle, version = model.bundle, model.version
    results = [ours.results.get((picture.id, version)) for picture in brought_in]
    return [_judged(ours, result, bundle, version) for result in results if result is not None]


def unchecked(brought_in: Sequence[Picture], model: Model) -> list[Picture]:
    """Those the model has not seen."""
    results, version = state().results, model.version
    return [picture for picture in brought_in if (picture.id, version) not in results]


def open_one(brought_in: Sequence[Picture], results: Sequence[PictureResult]) -> Picture | None:
    """The picture to show: what the user has just asked for, else what was open, else the first; None if
    none can be read."""
    shared, readable = session(), {result.picture.id: result.is_readable for result in results}
    possible = {each.id: each for each in brought_in if readable.get(each.id, True)}
    if shared.album.wanted not in possible:
        shared.album.wanted = None
    asked = [each for each in (shared.album.wanted, shared.opened) if each in possible]
    opened = asked[0] if asked else next(iter(possible), None)
    if readable.get(opened or ""):  # what turns out to be unreadable takes nobody's place
        shared.opened, shared.album.wanted = opened, None
    return possible.get(opened or "")


def check(picture: Picture, model: Model, place: DeltaGenerator) -> None:
    """Let the model judge one picture, now."""
    with place.container():
        classifier = model.classifier()
    time.sleep(PAINTING)
    for result in judged(classifier, [picture]):
        state().results[picture.id, model.version] = result


def check_rest(brought_in: Sequence[Picture], model: Model) -> bool:
    """Have the pictures judged that the model has not seen, in the background; returns whether some were
    judged at once. Raises what the network raised."""
    ours = state()
    missing = unchecked(brought_in, model)
    if missing and not goes_on(brought_in, model):
        if ours.check:
            ours.check.cancel()

        def keep(result: PictureResult) -> None:
            ours.results[result.picture.id, model.version] = result

        ours.check = BackgroundCheck(model.classifier(), model.version, missing, keep)
        if len(missing) <= BATCH:
            ours.check.wait(PATIENCE)
    if ours.check and ours.check.error:
        error, ours.check = ours.check.error, None
        raise error
    return len(unchecked(brought_in, model)) < len(missing)


def goes_on(brought_in: Sequence[Picture], model: Model) -> bool:
    """Whether the rest is on its way. A page that shows what is known calls this again and again, or the
    check takes it for abandoned."""
    check = state().check
    return check is not None and check.is_on(unchecked(brought_in, model), model.version)


def _judged(ours: ClassifyState, result: PictureResult, bundle: Bundle, version: str) -> PictureResult:
    """``result`` itself where that is up to date, as nearly all are in nearly every run."""
    judged = threshold.judged_by(bundle, result.result)
    copies = ours.perturbed_copies(result.picture, version)
    # The strip of a picture that was opened long ago is gone, what it said is not.
    perturbed = result.perturbed if copies is None else copies
    if judged is result.result and perturbed is result.perturbed:
        return result
    result = replace(result, result=judged, perturbed=perturbed)
    ours.results[result.picture.id, version] = result
    return result
