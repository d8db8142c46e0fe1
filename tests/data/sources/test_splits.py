import numpy as np
import pytest
import torch

from facequal.data.sources.splits import IdentitySubset, SampledFaces, split_identities
from tests.sources import ArraySource, people


def test_split_is_disjoint_and_complete() -> None:
    source = people(10, 3)
    train, held_out = split_identities(source, 4, seed=3)
    assert (train.num_classes, held_out.num_classes) == (6, 4)
    assert set(train.classes).isdisjoint(held_out.classes)
    assert sorted(train.classes + held_out.classes) == sorted(source.classes)
    assert len(train) + len(held_out) == len(source)


def test_split_depends_on_the_seed_alone() -> None:
    source = people(10, 3)
    assert split_identities(source, 4, seed=3)[1].classes == split_identities(source, 4, seed=3)[1].classes
    drawn = {tuple(split_identities(source, 4, seed=seed)[1].classes) for seed in range(8)}
    assert len(drawn) > 1


def test_single_images_are_not_held_out() -> None:
    source = ArraySource([0, 0, 1, 2, 2, 3, 4, 4])
    _, held_out = split_identities(source, 3, seed=0)
    assert held_out.classes == ["person0", "person2", "person4"]


def test_subset_relabels_and_keeps_the_images() -> None:
    source = people(4, 2)
    subset = IdentitySubset(source, [3, 1])
    assert np.bincount(subset.labels).tolist() == [2, 2]
    assert subset.classes == ["person3", "person1"]
    for position in range(len(subset)):
        item = subset[position]
        assert item["index"] == position
        original = int(subset.describe(position).split()[1])
        assert torch.equal(item["image"], source.images[original])
        assert source.classes[source.labels[original]] == subset.classes[item["label"]]


@pytest.mark.parametrize(("identities", "message"), [([0, 0], "more than once"), ([0, 9], r"0\.\.3, got 0\.\.9")])
def test_subset_rejects(identities: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IdentitySubset(people(4, 2), identities)


@pytest.mark.parametrize("held_out", [3, 4, 9])
def test_split_needs_enough_identities(held_out: int) -> None:
    with pytest.raises(ValueError, match=f"cannot hold out {held_out} identities: 4 of 4"):
        split_identities(people(4, 2), held_out, seed=0)


def test_sampled_faces_are_drawn_by_the_seed() -> None:
    source = people(10, 3)
    sample = SampledFaces(source, 12, seed=1)
    assert len(sample) == 12
    assert np.all(np.diff(sample.positions) > 0)
    assert np.array_equal(sample.positions, SampledFaces(source, 12, seed=1).positions)
    assert not np.array_equal(sample.positions, SampledFaces(source, 12, seed=2).positions)
    item = sample[5]
    position = int(sample.positions[5])
    assert (item["index"], item["label"], sample.labels[5]) == (5, position // 3, position // 3)
    assert torch.equal(item["image"], source[position]["image"])
    assert sample.describe(5) == source.describe(position)
    assert (sample.num_classes, sample.classes) == (10, source.classes)
    with pytest.raises(ValueError, match="num_images=31, but the source has 30 images"):
        SampledFaces(source, 31)
    with pytest.raises(TypeError, match="faces: list is no data set of faces"):
        SampledFaces([], 1)
