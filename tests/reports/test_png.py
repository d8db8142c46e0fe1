"""Figures of panels, and their PNG files."""

from io import BytesIO

import pytest
from matplotlib.figure import Figure
from PIL import Image

from facequal.reports.png import panels, png


@pytest.mark.parametrize(("dpi", "size_px"), [(None, (100, 50)), (100, (200, 100))])
def test_the_size_is_that_of_the_paper(dpi: int | None, size_px: tuple[int, int]) -> None:
    with Image.open(BytesIO(png(Figure(figsize=(2, 1), dpi=50), dpi))) as image:
        assert (image.format, image.size) == ("PNG", size_px)


def test_panels_that_are_not_needed_are_off() -> None:
    figure, axes = panels(4, across=3, panel_in=(2.0, 1.0), around_in=(0.5, 0.25))
    assert figure.get_size_inches().tolist() == [6.5, 2.25]
    assert [axis.axison for axis in figure.axes] == [True] * 4 + [False] * 2
    assert axes == figure.axes[:4]
    assert panels(1, across=3, panel_in=(2.0, 1.0))[0].get_size_inches().tolist() == [2.0, 1.0]
    with pytest.raises(ValueError, match="nothing to draw"):
        panels(0, 3, (2.0, 1.0))
