import numpy as np
import pytest

from facequal.data.protocols.gallery import first_image_gallery


@pytest.mark.parametrize("seed", range(3))
def test_everyone_is_in_the_gallery_once_and_all_else_is_a_probe(seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 7, 40)
    search = first_image_gallery("mine", labels)
    assert search.name == "mine"
    first: dict[int, int] = {}
    for position, label in enumerate(labels.tolist()):
        first.setdefault(label, position)
    assert search.gallery.tolist() == sorted(first.values())
    assert sorted([*search.gallery, *search.probes]) == list(range(40))
    assert search.gallery.dtype == search.probes.dtype == np.int64


def test_no_images() -> None:
    search = first_image_gallery("mine", [])
    assert (len(search.gallery), len(search.probes)) == (0, 0)
