from typing import Any

import numpy as np
import pytest
import torch

from facequal.data.errors import DataError
from facequal.data.protocols.restoration import MixtureSet, RestorationSet
from facequal.degradations import MultiDegradation
from facequal.degradations.suites import restoration_suite
from tests.sources import ArraySource, people


def batch_of(protocol: RestorationSet, indices: list[int]) -> dict:
    items = [protocol.images[index] for index in indices]
    return {
        "image": torch.stack([item["image"] for item in items]),
        "label": torch.tensor([item["label"] for item in items]),
        "index": torch.tensor([item["index"] for item in items]),
    }


def test_images_are_spread_over_the_source_and_repeated_for_every_row():
    faces = people(6, 4, size_px=32)
    protocol = RestorationSet(faces, "Test-N", num_images=6)
    assert protocol.chosen.tolist() == [0, 4, 8, 12, 16, 20]
    assert len(protocol.images) == 36
    assert protocol.images.labels.tolist() == [label for label in range(6) for _ in range(6)]
    item = protocol.images[13]
    assert torch.equal(item["image"], faces[8]["image"])
    assert (item["label"], item["index"]) == (2, 13)
    assert protocol.images.describe(13) == faces.describe(8)
    with pytest.raises(IndexError, match="picture 36 of 36"):
        protocol.images[36]


def test_a_short_run_takes_the_first_images_of_the_whole_test():
    faces = people(6, 4, size_px=32)
    whole, short = (RestorationSet(faces, "Test-BNL", 6, images=images) for images in (None, 2))
    assert len(short.images) == 2 * 104
    indices = [0, 103, 104, 207]
    for key in ("image", "lq", "label", "index"):
        one, other = (protocol.views(batch_of(protocol, indices), [7])[key] for protocol in (whole, short))
        assert torch.equal(one, other)


def test_batches_are_what_the_suite_makes_of_the_images():
    faces = people(4, 3, size_px=40)
    protocol = RestorationSet(faces, "Test-BN", num_images=4, name="mine")
    assert protocol.name == "mine"
    batch = batch_of(protocol, [5, 104 * 2 + 7])
    views = protocol.views(batch, [])
    clean = batch["image"].float() / 255
    assert torch.equal(views["image"], clean)
    expected, drawn = restoration_suite("Test-BN").degrade(clean, torch.tensor([0, 2]), torch.tensor([5, 7]))
    assert torch.equal(views["lq"], expected)
    assert all(torch.equal(value, views["degradation"][name]) for name, value in drawn.items())


def test_the_gallery_has_one_other_image_of_each_person():
    faces = people(5, 3, size_px=32)
    protocol = RestorationSet(faces, "Test-N", num_images=5)
    assert protocol.chosen.tolist() == [0, 3, 6, 9, 12]
    assert protocol.gallery.tolist() == [1, 4, 7, 10, 13]
    assert np.asarray(faces.labels)[protocol.gallery].tolist() == [0, 1, 2, 3, 4]
    short = RestorationSet(faces, "Test-N", num_images=5, images=2)
    assert short.gallery.tolist() == protocol.gallery.tolist()
    assert len(RestorationSet(faces, "Test-N", num_images=15).gallery) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_images": 13}, "Test-BNL: num_images=13, but the source has 12 images"),
        ({"num_images": 0}, "num_images=0"),
        ({"num_images": 5, "images": 6}, "images=6 is not between 1 and num_images=5"),
        ({"num_images": 5, "images": 0}, "images=0 is not between 1"),
        ({"suite": "Test-Q"}, "unknown suite 'Test-Q'"),
    ],
)
def test_wrong_sets_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        RestorationSet(people(4, 3), **options)


def test_the_source_must_be_one_of_faces():
    with pytest.raises(TypeError, match="Test-BNL: faces: list is no data set of faces"):
        RestorationSet([1, 2, 3])


def test_a_mixture_draws_the_same_in_every_run():
    faces, degradation = people(4, 3, size_px=32), MultiDegradation({"clean": 1, "NL": 1})
    protocol = MixtureSet(faces, degradation, num_images=4, num_draws=8, seed=5)
    assert len(protocol.images) == 32
    views = protocol.views(batch_of(protocol, list(range(32))), [])
    again = MixtureSet(faces, degradation, num_images=4, num_draws=8, seed=5, images=2)
    part = again.views(batch_of(again, [3, 9]), [])
    assert torch.equal(part["lq"], views["lq"][[3, 9]])
    classes = views["degradation"]["classes"]
    assert 0 < int(classes[:, 2].sum()) < 32
    for image, lq, kind in zip(views["image"], views["lq"], classes, strict=True):
        assert torch.equal(image, lq) == (not kind.any())
    torch.testing.assert_close(views["lq"] * 255, (views["lq"] * 255).round(), atol=1e-4, rtol=0)
    other = MixtureSet(faces, degradation, num_images=4, num_draws=8, seed=6)
    assert not torch.equal(other.views(batch_of(other, list(range(32))), [])["lq"], views["lq"])
    with pytest.raises(ValueError, match="mixture: num_draws must be at least 1, got 0"):
        MixtureSet(faces, degradation, num_images=4, num_draws=0)


def test_images_are_spread_over_people_in_whatever_order_they_lie() -> None:
    source = ArraySource([3, 1, 0, 2, 2, 0, 3, 1, 1, 0, 2, 3])
    protocol = RestorationSet(source, "Test-N", num_images=4)
    assert source.labels[protocol.chosen].tolist() == [0, 1, 2, 3]


def test_images_of_other_sizes_are_named() -> None:
    class Mixed(ArraySource):
        def __getitem__(self, index: int) -> dict[str, Any]:
            item = super().__getitem__(index)
            return item if index != 2 else {**item, "image": item["image"][:, :-1]}

    images = RestorationSet(Mixed([0, 0, 1, 1]), "Test-N", num_images=4).images
    images[11]
    size = images[0]["image"].shape[-1]
    with pytest.raises(DataError, match=rf"image 2.*: {size - 1}x{size} pixels .*, but .*image 0.* has {size}x{size}"):
        images[12]
