"""Classify: is this picture AI-generated, what does the model make of it, and how far can that be
believed?

A run of this page draws all that is known, and what belongs to a picture that was open before is gone. Then
it finds out the next thing that is missing, and draws again.
"""

from __future__ import annotations

from functools import partial

import streamlit as st

from pages.classify import (
    case_panel,
    checking,
    copies_progress,
    downloads,
    faithfulness_panel,
    forensics_panel,
    how_to_read,
    intake,
    maps,
    parts_panel,
    perturbation_strip,
    picture_list,
    sample_notice,
    scored_archive,
    shown_picture,
    side_by_side,
    verdict_column,
    workbench,
)
from pages.classify.classify_state import state
from ui import models, practice_notice, threshold

case_panel.bring_back()  # what a reload of the page has taken from the session
compact = intake.anything()
if compact:
    workbench.style()
with st.container(key="bar", horizontal=compact, vertical_alignment="center"):
    with st.container(width="content" if compact else "stretch"):
        st.title("Is this picture AI-generated?", anchor=False)
        about = st.empty()  # so that it goes at once
        if not compact:
            about.markdown(
                "Drop in pictures. The model gives a verdict, says how far it can be trusted, and shows what"
                " its score hangs on. **Nothing leaves the machine that Telltale runs on.**"
            )
    pictures = intake.choose(compact)  # before the model: whatever is wrong with that, they stay
    with st.container(width=240 if compact else "stretch"):
        model = models.choose()
practice_notice.notice(model.bundle)
# From here on the network is on its way in a thread, while the user is still choosing.
model.start()
model = threshold.in_use(model)
scored_archive.show(beside_a_picture=bool(pictures))
if not pictures:
    case_panel.let_go()
    if not scored_archive.is_open():
        intake.invite(model.loading.done())
    how_to_read.show(model.bundle)
    st.stop()

checking.let_go(pictures)
results = checking.known(pictures, model)
case_panel.keep(results, model.bundle)
with st.container():  # so that what stands below keeps its place, whatever there is to say
    picture_list.show_unreadable(results)
opened = checking.open_one(pictures, results)
if opened is None:
    downloads.show(pictures, results, model)
    how_to_read.show(model.bundle)
    st.stop()

state().tester.pause()  # the open picture comes first
result = next((each for each in results if each.picture.id == opened.id), None)
shown = shown_picture.as_shown(opened, result, model.bundle.preprocessing)
if shown is None:  # now there will be a sentence instead of a verdict
    checking.check(opened, model, st.empty())
    st.rerun()
if result and checking.check_rest(pictures, model):  # in the background from now on
    st.rerun()
anew = state().drawn != opened.id
several = len(pictures) - sum(not each.is_readable for each in results) > 1
places = workbench.places(several, anew)
below = workbench.cleared(anew)
with places.photo:
    with st.container(horizontal=True, vertical_alignment="center"):
        methods = maps.choose(model.bundle)
        test_maps = faithfulness_panel.wanted()
    map_places = maps.show(shown, methods, model)
    if test_maps:
        faithfulness_panel.show(opened, map_places, model)
with places.verdict:
    progress, card = verdict_column.show(opened, result, results, model)
    if result:
        sample_notice.show(opened, result.verdict(model.bundle))
if result and not card:
    side_by_side.show_if_wanted(result, results, methods[0], model)
list_looks_on = False
if places.pictures:
    with places.pictures:
        list_looks_on = picture_list.show(pictures, results, opened, model, may_draw_again=not card)
with below:
    perturbation_strip.show(opened, result, model)
    parts_place = parts_panel.show(shown, model)
    forensics_panel.show(opened)
downloads.show(pictures, results, model)
how_to_read.show(model.bundle)
state().drawn = opened.id
if card:
    st.stop()  # drawing again would close it; closing it draws again

news = partial(picture_list.is_outdated, pictures, model)
if result is None:
    checking.check(opened, model, progress)
elif (
    maps.find_out_next(opened, methods, model, map_places, news, quick=True)
    or perturbation_strip.find_out(result, model, progress, news)
    or parts_panel.find_out(opened, model, parts_place, news)
    or maps.find_out_next(opened, methods, model, map_places, news)
):
    pass
elif checking.unchecked(pictures, model):
    if list_looks_on:
        st.stop()  # it has the page drawn again when they are checked
elif test_maps and faithfulness_panel.find_out(opened, map_places, model):
    pass
else:
    copies_progress.go_on(results, model)
    st.stop()
st.rerun()
