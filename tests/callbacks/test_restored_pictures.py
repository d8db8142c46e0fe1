"""`facequal predict` writes restored pictures under their names, in their sizes."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from facequal.callbacks.embeddings import EmbeddingWriter
from facequal.callbacks.restored_pictures import RestoredPictures, picture_paths
from facequal.data.datamodule import FaceDataModule
from facequal.data.sources.datasets import ImageFolder, ListDataset
from facequal.data.sources.images import RGBImage, encode_png, read_image
from facequal.methods.restoration.restorer import Restorer
from tests.sources import people
from tests.training import trainer

SIZES = {"a.png": (17, 30), "b/c.png": (33, 20), "b/d.e.png": (17, 30)}


class Inverted(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return 1.0 - images


def write_pictures(folder: Path) -> dict[str, RGBImage]:
    generator, pictures = np.random.default_rng(0), {}
    for name, size in SIZES.items():
        pictures[name] = generator.integers(0, 256, (*size, 3), dtype=np.uint8)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        encode_png(folder / name, pictures[name])
    return pictures


def test_a_folder_keeps_names_and_sizes(tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path / "in")
    datamodule = FaceDataModule(predict=ImageFolder(tmp_path / "in", size_px=None), eval_batch_size=2)
    callbacks = [RestoredPictures(str(tmp_path / "out")), EmbeddingWriter()]
    module = Restorer(Inverted())
    trainer(tmp_path, callbacks=callbacks).predict(module, datamodule=datamodule, return_predictions=False)
    found = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert found == set(SIZES)
    for name, picture in pictures.items():
        np.testing.assert_array_equal(read_image(tmp_path / "out" / name), 255 - picture)
        np.testing.assert_array_equal(module.restore(picture), 255 - picture)
    assert not list(tmp_path.rglob("*.parquet"))


def test_pictures_of_one_size_come_in_batches(tmp_path: Path) -> None:
    source = people(3, 2)
    datamodule = FaceDataModule(predict=source, eval_batch_size=4)
    run = trainer(tmp_path, callbacks=[RestoredPictures()])
    run.predict(Restorer(Inverted()), datamodule=datamodule, return_predictions=False)
    assert run.num_predict_batches == [2]
    for index in range(6):  # a source without names of its own
        restored = read_image(tmp_path / "restored" / f"{index:06d}.png")
        np.testing.assert_array_equal(restored, 255 - source.images[index].numpy().transpose(1, 2, 0))


def test_names_that_would_be_one(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    encode_png(tmp_path / "a.bmp", np.zeros((4, 4, 3), dtype=np.uint8))
    with pytest.raises(ValueError, match=r"a\.bmp and .*a\.png would both become .*out/a\.png"):
        picture_paths(ImageFolder(tmp_path, None), tmp_path / "out")


def test_the_pictures_themselves_are_not_overwritten(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    with pytest.raises(ValueError, match=r"a\.png is one of the pictures that are read: give another folder"):
        picture_paths(ImageFolder(tmp_path, None), tmp_path / "b" / "..")


def test_a_list_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    write_pictures(tmp_path / "in")
    with (tmp_path / "list.csv").open("w", newline="") as file:
        rows = [("path", "identity"), ("../in/a.png", "x"), (str(tmp_path / "in" / "b" / "c.png"), "x")]
        csv.writer(file).writerows([*rows, ("b/d.e.png", "x")])
    source = ListDataset(tmp_path / "list.csv", root=tmp_path / "in", size_px=None)
    names = [path.relative_to(tmp_path / "out") for path in picture_paths(source, tmp_path / "out")]
    absolute = (tmp_path / "in" / "b" / "c.png").relative_to("/")
    assert names == [Path("in/a.png"), absolute, Path("b/d.e.png")]
