"""Figures as PNG files."""

from io import BytesIO

import pytest
from matplotlib.figure import Figure
from PIL import Image

from facequal.reports.png import png


@pytest.mark.parametrize(("dpi", "size_px"), [(None, (100, 50)), (100, (200, 100))])
def test_the_size_is_that_of_the_paper(dpi: int | None, size_px: tuple[int, int]) -> None:
    with Image.open(BytesIO(png(Figure(figsize=(2, 1), dpi=50), dpi))) as image:
        assert (image.format, image.size) == ("PNG", size_px)
