"""The benchmark of scoring an archive, at its smallest."""

from __future__ import annotations

from benchmarks.archive import measure


def test_a_stand_in_run_counts_rows_kills_and_memory(compiled_bundle, monkeypatch):
    monkeypatch.delenv("TELLTALE_RUNTIME")
    figures = measure(compiled_bundle, rows=300, kills=1, stand_in=True)
    assert figures["rows"] == 300 and figures["rows_per_s_ray_2"] is None
    assert (figures["lost"], figures["doubled"]) == (0, 0)
    assert figures["rows_per_s_1"] > 0 and figures["peak_rss_mb"] > 50
