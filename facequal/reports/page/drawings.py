"""Pictures in the page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from facequal.reports.page.html import Html, element
from facequal.reports.page.pictures import Picture
from facequal.reports.png import png

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def drawing(figure: "Figure", caption: str, alt: str, is_wide: bool = False) -> Html:
    """Return a figure of ours; its width in the page is that of its paper, or less where there is less room."""
    return shown(Picture(png(figure, dpi=150), caption), alt, is_wide)


def shown(picture: Picture, alt: str, is_wide: bool = False) -> Html:
    """Return a picture with its caption.

    Args:
        picture: The picture.
        alt: What it shows, for those who do not see it.
        is_wide: Whether it scrolls in its own box where it would become too small to read.
    """
    width, height = picture.size_px
    image = element("img", src=picture.uri, alt=alt, width=width, height=height)
    if is_wide:
        image = element("div", image, class_="scroll", tabindex=0, role="region", aria_label=picture.caption)
    return element("figure", image, element("figcaption", picture.caption), class_="wide" if is_wide else None)


def drawings(figures: Sequence[Html]) -> Html:
    """Return figures beside each other, as many as there is room for."""
    return element("div", *figures, class_="figures")
