"""The models every session of the app shares, loaded in the background so that no page waits before it needs one."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import streamlit as st

from detector.bundle import Bundle, find, read_bundle

if TYPE_CHECKING:
    from detector.classifier import Classifier


def bundle(name: str) -> Bundle:
    """The checked bundle called ``name``; read again only when its files change. Raises BundleError."""
    path = find(name)
    stamp = tuple(file.stat().st_mtime_ns for file in sorted(path.iterdir()))
    return _bundle(name, stamp)


@st.cache_resource(max_entries=8, show_spinner=False)
def _bundle(name: str, stamp: tuple) -> Bundle:
    return read_bundle(find(name))


def loading(model: Bundle) -> Future[Classifier]:
    """The classifier of ``model``, on its way: TensorFlow starts and the network compiles in a thread.

    ``.result()`` waits for it and raises BundleError if the weights do not fit. A failure is not remembered: the next call tries again.
    """
    future = _loading(str(model.path), model.weights_sha256, model)
    if future.done() and future.exception():
        _loading.clear()
    return future


@st.cache_resource(max_entries=2, show_spinner=False)
def _loading(path: str, sha256: str, _model: Bundle) -> Future[Classifier]:
    def load() -> Classifier:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        from detector.classifier import Classifier

        classifier = Classifier(_model)
        classifier.warm_up()
        return classifier

    return _loader().submit(load)


@st.cache_resource(show_spinner=False)
def _loader() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="load-model")
