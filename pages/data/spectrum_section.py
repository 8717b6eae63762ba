"""The mean spectrum of each class."""

from __future__ import annotations

import streamlit as st

from pages.data import scan_figures
from ui import figures
from ui.scan_job import ScanJob
from ui.waiting import finished


def show(job: ScanJob) -> None:
    """Power by frequency, then the spectra themselves."""
    spectra = finished(job.spectra(), "Transforming a sample of the pictures")
    if not spectra.done:
        return
    if not spectra.value:
        st.info("There are too few pictures, or they are too small, for a spectrum.", icon=":material/info:")
        return
    side = len(next(iter(spectra.value.values())).power)
    alt = "Mean power of each class by frequency"
    st.plotly_chart(
        scan_figures.radial_spectrum(spectra.value),
        key="radial",
        config=figures.config("spectrum", "svg"),
        alt=alt,
    )
    alt = "Mean spectrum of each class, low frequencies in the middle, and their difference"
    st.plotly_chart(
        scan_figures.spectrum_maps(spectra.value),
        key="spectra",
        config=figures.config("spectra", "png"),
        alt=alt,
    )
    st.caption(
        f"Of the middle {side} x {side} pixels of a sample of each class, at their own scale; low frequencies"
        " in the middle. A lattice of bright points comes from up-sampling or from JPEG's blocks; an edge"
        " where power drops, from compression or from pictures that were enlarged."
    )
