"""Pictures that runs left beside their figures, as small as a page can hold."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from facequal.reports.notes import Notes
from facequal.reports.page.runs import Run
from facequal.reports.png import png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_BYTES = 5_000_000
"""Of all pictures of runs together; in base64 they take a third more."""
_WIDTHS_PX = (1600, 1200, 900, 600)
# Drawn anew by the page.
_NOT_SHOWN = ("roc.png",)
_OF_SEARCH = {"alpha.png": "weights of the search", "cell.png": "cells that were found"}


@dataclass(frozen=True)
class Picture:
    """A picture as it stands in the page.

    Attributes:
        content: The file, PNG or JPEG.
        caption: What stands below it.
        alt: What it shows, for those who do not see it.
    """

    content: bytes
    caption: str
    alt: str = ""

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height."""
        with Image.open(BytesIO(self.content)) as image:
            return image.size

    @property
    def uri(self) -> str:
        """The picture as a data URI."""
        kind = "png" if self.content.startswith(b"\x89PNG") else "jpeg"
        return f"data:image/{kind};base64,{base64.b64encode(self.content).decode()}"


def drawing(figure: "Figure", caption: str, alt: str) -> Picture:
    """Return a figure as a picture; its width in the page is that of its paper, or less where there is less room."""
    return Picture(png(figure, dpi=150), caption, alt)


def picture_files(run: Run) -> dict[Path, str]:
    """Return captions by the files of a run's pictures, of several seeds those of the first.

    They are those of its report, of its search, and the last preview of its training.
    """
    folder, results = run.first.folder, run.first.csv_file
    drawn = sorted(results.parent.glob("*.png")) if results is not None else []
    captions = {path: path.stem for path in drawn if path.name not in _NOT_SHOWN}
    captions |= {folder / name: caption for name, caption in _OF_SEARCH.items() if (folder / name).is_file()}
    for path in sorted(folder.glob("preview/step_*.png"))[-1:]:
        captions[path] = f"training, step {path.stem.removeprefix('step_').lstrip('0')}"
    return captions


def stage_files(runs: Sequence[Run]) -> dict[Path, str]:
    """Return captions by the files of pictures of searches that are stages of the runs' studies, of the first seed."""
    captions: dict[Path, str] = {}
    for run in runs:
        # STUDY/rows/NAME/seed_0 took its files from STUDY/stages/STAGE/seed_0.
        folder = run.first.folder
        study = folder.parent.parent.parent
        for stage in sorted((study / "stages").glob(f"*/{folder.name}/")):
            for name, caption in _OF_SEARCH.items():
                if (stage / name).is_file():
                    captions[stage / name] = f"{study.name}: {caption} ({stage.parent.name}, {stage.name})"
    return captions


def read_pictures(captions: Mapping[Path, str], name: str, notes: Notes) -> list[Picture]:
    """Return the pictures that can be read; others are noted.

    Args:
        captions: The caption of each file.
        name: Of the run, for the notes.
        notes: Told which files are no pictures.
    """
    pictures = []
    for path, caption in captions.items():
        try:
            with Image.open(path) as image:
                image.load()
            pictures.append(Picture(path.read_bytes(), caption))
        except (OSError, SyntaxError, ValueError) as error:  # what Pillow raises for broken files
            notes.add(f"{path}: not a picture: {error}", name)
    return pictures


def within(pictures: Sequence[Picture], max_bytes: int = MAX_BYTES) -> list[Picture]:
    """Return the pictures, all made narrower to the same width where together they exceed `max_bytes`."""
    fitted = list(pictures)
    for width in _WIDTHS_PX:
        if sum(len(picture.content) for picture in fitted) <= max_bytes:
            break
        fitted = [replace(picture, content=_as_jpeg(picture.content, width)) for picture in pictures]
    return fitted


def _as_jpeg(content: bytes, width: int) -> bytes:
    with Image.open(BytesIO(content)) as image:
        picture = image.convert("RGB")
    picture.thumbnail((width, 4 * width))
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=82)
    return min(buffer.getvalue(), content, key=len)  # a drawing of few colours can be smaller as it was
