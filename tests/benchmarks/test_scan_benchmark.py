"""The benchmark of scans measures all that it promises."""

import json

from benchmarks import scan


def test_every_figure_is_measured(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("TELLTALE_HOME", str(tmp_path))  # replaced by the benchmark, put back by this
    assert scan.main(["--json", "--quick"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == set(scan.FIGURES) and all(value >= 0 for value in found.values())
