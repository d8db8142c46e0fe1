import math
import subprocess
import sys

import cv2
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from facequal.reports.study.maps import MapPanel, draw_map, map_png

DOWN, ACROSS = ("margin", ["1", "25", "50"]), ("batch_size", ["32", "64"])
VALUES = [[70.0, 71.25], [79.5, math.nan], [60.126, 79.0]]


def texts(axis):
    """Number in each cell by (row, column)."""
    return {(int(text.get_position()[1]), int(text.get_position()[0])): text.get_text() for text in axis.texts}


def framed(axis):
    """The cells (row, column) that have a frame."""
    patches = [patch for patch in axis.patches if isinstance(patch, Rectangle)]
    return [(round(p.get_y() + p.get_height() / 2), round(p.get_x() + p.get_width() / 2)) for p in patches]


def test_every_cell_holds_its_number():
    (axis,) = draw_map([MapPanel("far, 7 px", VALUES, base=69.999)], DOWN, ACROSS).axes
    expected = {(0, 0): "70.00", (0, 1): "71.25", (1, 0): "79.50", (1, 1): "n/a", (2, 0): "60.13", (2, 1): "79.00"}
    assert texts(axis) == expected
    np.testing.assert_array_equal(axis.images[0].get_array().filled(math.nan), VALUES)
    assert [label.get_text() for label in axis.get_yticklabels()] == DOWN[1]
    assert [label.get_text() for label in axis.get_xticklabels()] == ACROSS[1]
    assert (axis.get_ylabel(), axis.get_xlabel()) == ("margin", "batch_size")
    assert axis.get_title() == "far, 7 px\nbase 70.00"
    assert axis.get_ylim()[0] > axis.get_ylim()[1]  # the first value is at the top


def test_the_best_cell_is_framed():
    panels = [
        MapPanel("accuracy", VALUES),
        MapPanel("eer", VALUES, metric="eer"),
        MapPanel("ties", [[1.0, 2.0], [2.0, 0.0], [1.0, 1.0]]),
        MapPanel("none", [[math.nan] * 2] * 3, base=math.nan),
    ]
    axes = draw_map(panels, DOWN, ACROSS).axes
    assert [framed(axis) for axis in axes[:4]] == [[(1, 0)], [(2, 0)], [(0, 1), (1, 0)], []]
    assert [axis.get_title() for axis in axes[:4]] == ["accuracy", "eer", "ties", "none"]
    assert len(axes) == 6  # three beside each other
    assert not any(axis.axison for axis in axes[4:])


def test_numbers_can_be_read_on_their_colour():
    (axis,) = draw_map([MapPanel("", [[float(10 * i + j) for j in range(2)] for i in range(3)])], DOWN, ACROSS).axes
    image = axis.images[0]
    for text in axis.texts:
        x, y = map(int, text.get_position())
        red, green, blue, _ = image.cmap(image.norm(image.get_array()[y, x]))
        luminance = 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2
        contrast = (luminance + 0.05) / 0.05 if to_hex(text.get_color()) == "#000000" else 1.05 / (luminance + 0.05)
        assert contrast > 3


def test_one_cell_and_equal_values():
    (axis,) = draw_map([MapPanel("one", [[50.0]])], ("a", ["1"]), ("b", ["2"])).axes
    assert texts(axis) == {(0, 0): "50.00"}
    picture = map_png([MapPanel("flat", [[3.0, 3.0]])], ("a", ["1"]), ("b", ["2", "3"]))
    pixels = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert pixels.std() > 5


def test_nothing_of_a_study_imports_torch():
    # The process that starts the workers of a study needs none of it.
    names = ("maps", "summary", "study_tables")
    code = "import sys, " + ", ".join(f"facequal.reports.study.{name}" for name in names)
    result = subprocess.run([sys.executable, "-c", f"{code}; sys.exit('torch' in sys.modules)"], check=False)
    assert result.returncode == 0


def test_no_maps_are_an_error():
    with pytest.raises(ValueError, match="nothing to draw"):
        draw_map([], DOWN, ACROSS)
