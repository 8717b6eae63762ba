"""The models every session of the app shares, loaded in the background so that no page waits before it needs one."""

from __future__ import annotations

import gc
import json
import logging
import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import streamlit as st

from detector.bundle import Bundle, BundleError, available, find, read_bundle, weights_folder
from ui.text import plain

if TYPE_CHECKING:
    from detector.classifier import Classifier


def choose() -> Bundle:
    """The bundle to work with, asking for it where there are several. Where there is none, a sentence says so and the page ends."""
    names = available()
    if not names:
        give_up(BundleError(f"There is no model in the folder {weights_folder()}. Clone Telltale again with its weights, or train one."))
    _follow_the_default(names[0])
    name = names[0] if len(names) == 1 else st.selectbox("Model", names, key="model", bind="query-params")
    try:
        return bundle(name)
    except BundleError as error:
        give_up(error)


def _follow_the_default(default: str) -> None:
    """A page that was left on the default model goes along when another one becomes that."""
    state = st.session_state
    if "model" in state and state.model == state.get("default_model") != default:
        state.model = default
    state.default_model = default


def give_up(error: BundleError) -> None:
    """Show what is wrong with the model and a way to try again, and end the page here."""
    st.error(plain(str(error), limit=600), icon=":material/error:")
    st.button("Try again", icon=":material/refresh:")
    st.stop()


def bundle(name: str) -> Bundle:
    """The checked bundle called ``name``; read again only when its files change. Raises BundleError."""
    path = find(name)
    try:
        stamp = tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in sorted(path.iterdir()))
        return _bundle(str(path), stamp)
    except OSError as error:
        raise BundleError(f"The files of the model {name!r} cannot be read: {error.strerror or error}.") from error


def version(model: Bundle) -> str:
    """What tells apart two bundles that may judge a picture differently: every field of the card, with the weights' hash among them."""
    return json.dumps([str(model.path), dict(model.card)], sort_keys=True)


def loading(model: Bundle) -> Future[Classifier]:
    """The classifier of ``model``, on its way: TensorFlow starts and the network compiles in a thread.

    ``.result()`` waits for it and raises BundleError. A failure is not remembered: the next call tries again.
    """
    future = _loading(model)
    if future.done() and future.exception():
        _loading.clear(model)
        future = _loading(model)
    return future


def started(loading: Future[Classifier]) -> Classifier:
    """The classifier, once it is there; if it cannot be started, the page ends with a sentence."""
    try:
        if not loading.done():
            with st.spinner("Starting the model. TensorFlow takes a few seconds, once.", show_time=True):
                loading.result()
        return loading.result()
    except BundleError as error:
        give_up(error)


@st.cache_resource(max_entries=8, show_spinner=False)
def _bundle(path: str, stamp: tuple) -> Bundle:
    return read_bundle(path)


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs={Bundle: version})
def _loading(model: Bundle) -> Future[Classifier]:
    return _loader().submit(_load, model)


def _load(model: Bundle) -> Classifier:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever ~/.keras/keras.json says
    try:
        from detector.classifier import Classifier

        classifier = Classifier(model)
        classifier.warm_up()
        spare_the_garbage_collector()
        return classifier
    except BundleError:
        raise
    except Exception as error:  # a broken TensorFlow installation, no memory left, ...
        logging.getLogger(__name__).exception("The model %s could not be started", model.name)
        raise BundleError(f"The model {model.name!r} could not be started: {error or type(error).__name__}") from error


def spare_the_garbage_collector() -> None:
    """Let it look no more at what is here to stay. Streamlit collects after each run, twice where there is Keras, and everything waits meanwhile."""
    gc.unfreeze()  # what an earlier model left behind
    gc.collect()
    gc.freeze()


@st.cache_resource(show_spinner=False)
def _loader() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="load-model")
