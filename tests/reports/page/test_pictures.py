"""Pictures that runs left, and their size in the page."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from facequal.reports.notes import Notes
from facequal.reports.page.pictures import Picture, picture_files, read_pictures, stage_files, within
from facequal.reports.page.runs import Run, Seed


def noise(path: Path, width: int = 8, height: int = 8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def test_which_pictures_are_shown(tmp_path: Path) -> None:
    folder = tmp_path / "study" / "rows" / "a" / "seed_0"
    for name in (
        "report/roc.png",
        "report/Test-B.png",
        "cell.png",
        "preview/step_0000001.png",
        "preview/step_0000500.png",
    ):
        noise(folder / name)
    noise(tmp_path / "study" / "stages" / "search" / "seed_0" / "alpha.png")
    noise(tmp_path / "study" / "stages" / "search" / "seed_1" / "alpha.png")
    run = Run("a", folder, {"": Seed(folder, folder / "report" / "results.csv")})
    assert {path.name: caption for path, caption in picture_files(run).items()} == {
        "Test-B.png": "Test-B",
        "cell.png": "cells that were found",
        "step_0000500.png": "training, step 500",
    }
    # Rows share their stages.
    assert list(stage_files([run, run]).values()) == ["study: weights of the search (search, seed_0)"]


def test_broken_pictures_are_noted(tmp_path: Path) -> None:
    noise(tmp_path / "good.png")
    whole = (tmp_path / "good.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[:-60])
    (tmp_path / "text.png").write_text("no picture")
    notes = Notes()
    files = {tmp_path / f"{name}.png": name for name in ("cut", "good", "text")}
    assert read_pictures(files, "a", notes) == [Picture(whole, "good")]
    assert [note.split(": not a picture")[0] for note in notes] == [
        f"a: {tmp_path / 'cut.png'}",
        f"a: {tmp_path / 'text.png'}",
    ]


def test_large_pictures_are_made_smaller_until_they_fit(tmp_path: Path) -> None:
    noise(tmp_path / "large.png", 2000, 500)
    large = Picture((tmp_path / "large.png").read_bytes(), "large")
    assert within([large]) == [large]
    shrunk = within([large, large], max_bytes=len(large.content))
    assert sum(len(picture.content) for picture in shrunk) <= len(large.content)
    with Image.open(BytesIO(shrunk[0].content)) as image:
        assert (image.format, image.width / image.height) == ("JPEG", 4.0)
        assert image.width < 2000
    assert shrunk[0].uri.startswith("data:image/jpeg;base64,")
