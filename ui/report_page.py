"""What pages' reports have in common: files of HTML that need no network."""

from __future__ import annotations

from collections.abc import Iterable

import plotly.graph_objects as go
import plotly.io

STYLE = """
body {
  font: 16px/1.5 system-ui, sans-serif;
  max-width: 1100px;
  margin: 2rem auto;
  padding: 0 1rem;
  color: #1b1f24;
  background: #fff;
}
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0 }
th, td { padding: .25rem .75rem; border-bottom: 1px solid #ddd; text-align: right }
th:first-child, td:first-child { text-align: left }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(340px, 100%), 1fr)); gap: 1rem }
.figures > div { min-width: 0 }
"""
_FIT = 'addEventListener("load", () => dispatchEvent(new Event("resize")))'
"""Each figure is drawn while it is still alone in its row; once all are there it has to take the width of
its column."""


def side_by_side(drawn: Iterable[go.Figure]) -> str:
    """The figures in columns, as HTML; the first brings Plotly's script for all of them."""
    divisions = []
    for number, figure in enumerate(drawn):
        figure.update_layout(template="plotly_white")
        body = plotly.io.to_html(
            figure, include_plotlyjs=number == 0, full_html=False, config={"displaylogo": False}
        )
        divisions.append(f"<div>{body}</div>")
    return f'<div class="figures">{"".join(divisions)}</div><script>{_FIT}</script>'
