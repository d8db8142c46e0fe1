import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from facequal.cli import main
from facequal.data.errors import DatasetError
from facequal.data.sources.datasets import ImageFolder
from facequal.data.sources.images import encode_png, read_image
from facequal.degradations import restoration_suite


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    for name in ("b/1.png", "a.png", "b/0.png", ".hidden/0.png"):
        path = tmp_path / "faces" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        small = generator.integers(0, 256, (6, 5, 3), dtype=np.uint8)
        encode_png(path, cv2.resize(small, (50, 60), interpolation=cv2.INTER_CUBIC))
    (tmp_path / "faces" / "notes.txt").write_text("no image")
    return tmp_path / "faces"


def test_a_folder_gives_all_its_images(folder: Path) -> None:
    images = ImageFolder(folder, None)
    assert [Path(images.describe(i)).relative_to(folder).as_posix() for i in range(3)] == [
        "a.png",
        "b/0.png",
        "b/1.png",
    ]
    assert len(images) == 3
    item = images[0]
    assert item["label"] == -1
    assert item["image"].shape == (3, 60, 50)
    assert np.array_equal(item["image"].permute(1, 2, 0).numpy(), read_image(folder / "a.png"))
    assert ImageFolder(folder, (40, 30))[0]["image"].shape == (3, 40, 30)
    assert torch.equal(ImageFolder(folder, (40, 30))[0]["image"], item["image"][:, 10:50, 10:40])
    assert ImageFolder(folder, (90, 30))[0]["image"].shape == (3, 90, 30)
    assert len(ImageFolder(folder / "a.png")) == 1
    assert ImageFolder(folder)[0]["image"].shape == (3, 112, 112)
    for size in ((3, 4, 5), (0, 4), 0):
        with pytest.raises(ValueError, match="size_px must be a positive side, a height and a width, or None"):
            ImageFolder(folder, size)
    with pytest.raises(DatasetError, match="none: no such folder; expected images"):
        ImageFolder(folder / "none")
    (folder / "empty").mkdir()
    with pytest.raises(DatasetError, match="empty: no image in it"):
        ImageFolder(folder / "empty")


def test_a_suite_is_written_with_its_manifest(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    main(["degrade", str(folder), "--suite", "Test-N", "--out", str(out), "--images", "2", "--size", "40", "36"])
    printed = capsys.readouterr().out
    assert "2 of 3 images (--images N for another number)" in printed
    assert f"manifest: {out / 'manifest.csv'}" in printed
    with (out / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert len(list((out / "lq").iterdir())) == 12
    assert len(list((out / "clean").iterdir())) == 2
    source = ImageFolder(folder, (40, 36))
    for number, line in ((3, rows[3]), (8, rows[8])):
        image, row = divmod(number, 6)
        clean = source[image]["image"]
        assert np.array_equal(read_image(out / line["clean"]), clean.permute(1, 2, 0).numpy())
        expected, drawn = restoration_suite("Test-N").degrade(
            clean[None].float() / 255, torch.tensor([image]), torch.tensor([row])
        )
        found = torch.from_numpy(read_image(out / line["lq"])).permute(2, 0, 1)
        assert torch.equal(found, (expected[0] * 255).round().to(torch.uint8))
        assert (line["row"], line["noise_id"]) == (str(row), str(int(drawn["noise_id"])))
        assert (line["sigma_s"], line["classes"]) == (["0.05", "0.1", "0.15"][row // 2], "0.0 1.0 0.0")
        assert line["source"] == source.describe(image)
    with pytest.raises(SystemExit, match=r"manifest.csv exists already"):
        main(["degrade", str(folder), "--suite", "Test-N", "--out", str(out), "--size", "40", "36"])


def test_a_gallery_is_drawn(folder: Path, tmp_path: Path) -> None:
    main(["degrade", str(folder), "--gallery", str(tmp_path / "gallery.png"), "--images", "1", "--size", "48"])
    assert cv2.imread(str(tmp_path / "gallery.png")) is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["FOLDER"], "give one of --gallery and --suite"),
        (["FOLDER", "--suite", "Test-N"], "--suite needs --out"),
        (["FOLDER", "--gallery", "a.png", "--size", "1", "2", "3"], "--size takes a side, or a height and a width"),
        (["FOLDER", "--gallery", "a.png", "--images", "0"], "--images must be at least 1, not 0"),
    ],
)
def test_wrong_options_are_named(
    arguments: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["degrade", *[str(folder) if argument == "FOLDER" else argument for argument in arguments]])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--gallery", "a.png", "--size", "176", "144"], "procedural faces are square"),
        (["none", "--gallery", "a.png"], "none: no such folder"),
        (["FOLDER", "--gallery", "a.png", "--size", "20"], "images of 20x20 pixels are smaller than kernels"),
        (["FOLDER", "--suite", "Test-B", "--out", "o", "--images", "4"], "images=4 is not between 1 and num_images=3"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str], message: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=message):
        main(["degrade", *[str(folder) if argument == "FOLDER" else argument for argument in arguments]])
