"""The heatmap viewer in Chromium: what it paints, what it says, and that it never needs the server for any of it.

The scene (quadrant photo, 4 x 6 grid, relative values, attention) is worked out by hand in ``apps/heatmap_viewer_app.py``.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.browser.apps.scene import COLUMNS, QUADRANTS, ROWS, SEEN, SIZES
