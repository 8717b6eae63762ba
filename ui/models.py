"""The models every session of the app shares, loaded in the background so that no page waits before it
needs one."""

from __future__ import annotations

import gc
import hashlib
import json
import logging
import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn

import streamlit as st

from detector.bundle import Bundle, BundleError, find_bundle, list_bundles, read_bundle, weights_folder
from ui import session
from ui.text import plain

if TYPE_CHECKING:
    from detector.classifier import Classifier


@dataclass(frozen=True, eq=False)
class Model:
    """A model as one run of a page uses it.

    on_disk: its bundle. version: tells apart two bundles that may judge a picture differently, as
    ``version_of`` does. carried_threshold: what pictures are judged by instead of the bundle's own, or None.
    """

    on_disk: Bundle
    version: str
    carried_threshold: float | None = None

    @cached_property
    def bundle(self) -> Bundle:
        """What pictures are judged by."""
        threshold = self.carried_threshold
        if threshold is None:
            return self.on_disk
        return self.on_disk.at_threshold(threshold)

    @cached_property
    def loading(self) -> Future[Classifier]:
        """The network, on its way from the first time this is asked for. All sessions share it, so it knows
        nothing of a threshold carried over."""
        return _loading_of(self.version, self.on_disk)

    def start(self) -> None:
        """Load the network in the background, if that was not done yet."""
        _ = self.loading

    def classifier(self) -> Classifier:
        """The network, once it is there; if it cannot be started, the page ends with a sentence."""
        try:
            if not self.loading.done():
                with st.spinner("Starting the model.", show_time=True):
                    self.loading.result()
            return self.loading.result()
        except BundleError as error:
            give_up(error)


def choose() -> Model:
    """The model to work with, asking for it where there are several. Where there is none, a sentence says so
    and the page ends."""
    names = list_bundles()
    if not names:
        give_up(
            BundleError(
                f"There is no model in the folder {weights_folder()}. Clone Telltale again with its weights,"
                " or train one."
            )
        )
    _follow_the_default(names[0])
    name = names[0]
    if len(names) > 1:
        name = st.selectbox("Model", names, key=session.MODEL, bind="query-params")
    try:
        return find(name)
    except BundleError as error:
        give_up(error)


def find(name: str) -> Model:
    """The checked model called ``name``; read again only when its files change. Raises BundleError."""
    path = find_bundle(name)
    stamp = []
    try:
        for file in sorted(path.iterdir()):
            status = file.stat()
            stamp.append((file.name, status.st_mtime_ns, status.st_size))
        return Model(*_read(str(path), tuple(stamp)))
    except OSError as error:
        problem = error.strerror or error
        raise BundleError(f"The files of the model {name!r} cannot be read: {problem}.") from error


def bundle(name: str) -> Bundle:
    """The same without its network."""
    return find(name).bundle


def give_up(error: BundleError) -> NoReturn:
    """Show what is wrong with the model and a way to try again, and end the page here."""
    st.error(plain(str(error), limit=600), icon=":material/error:")
    st.button("Try again", icon=":material/refresh:")
    st.stop()


def name_of_run(run_id: str) -> str:
    """What the bundle that a training run has made is called on Evaluate."""
    return f"run {run_id}"


def version_of(bundle: Bundle) -> str:
    """SHA-256, in hex, of the bundle's place and every field of its card, with the weights' hash among
    them."""
    card = json.dumps([str(bundle.path), dict(bundle.card)], sort_keys=True)
    return hashlib.sha256(card.encode()).hexdigest()


def loading(bundle: Bundle) -> Future[Classifier]:
    """The classifier of a bundle, on its way in a thread: its compiled form, or TensorFlow, starts.

    ``.result()`` waits for it and raises BundleError. A failure is not remembered: the next call tries again.
    """
    return _loading_of(version_of(bundle), bundle)


def _follow_the_default(default: str) -> None:
    """A page that was left on the default model goes along when another one becomes that."""
    ours = session.session()
    chosen = st.session_state.get(session.MODEL)
    if chosen is not None and chosen == ours.default_model != default:
        st.session_state[session.MODEL] = default
    ours.default_model = default


@st.cache_resource(max_entries=8, show_spinner=False)
def _read(path: str, stamp: tuple) -> tuple[Bundle, str]:
    """A bundle and its version, which is the same for every picture of every run."""
    bundle = read_bundle(path)
    return bundle, version_of(bundle)


def _loading_of(version: str, bundle: Bundle) -> Future[Classifier]:
    future = _load_in_background(version, bundle)
    if future.done() and future.exception():
        _load_in_background.clear(version, bundle)
        future = _load_in_background(version, bundle)
    return future


@st.cache_resource(max_entries=2, show_spinner=False)
def _load_in_background(version: str, _bundle: Bundle) -> Future[Classifier]:
    return _loader().submit(_load, _bundle)


def _load(bundle: Bundle) -> Classifier:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever ~/.keras/keras.json says
    try:
        from detector import compilation
        from detector.classifier import Classifier

        classifier = Classifier(bundle)
        classifier.warm_up()
        if classifier.engine.compiled is None:
            compilation.start(bundle)  # the next start needs no TensorFlow
        spare_the_garbage_collector()
        return classifier
    except BundleError:
        raise
    except Exception as error:  # a broken TensorFlow installation, no memory left, ...
        logging.getLogger(__name__).exception("The model %s could not be started", bundle.name)
        problem = error or type(error).__name__
        raise BundleError(f"The model {bundle.name!r} could not be started: {problem}") from error


def spare_the_garbage_collector() -> None:
    """Let it look no more at what is here to stay. Streamlit collects after each run, twice where there is
    Keras, and everything waits meanwhile."""
    gc.unfreeze()  # what an earlier model left behind
    gc.collect()
    gc.freeze()


@st.cache_resource(show_spinner=False)
def _loader() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="load-model")
