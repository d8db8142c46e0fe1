from typing import Any

import numpy as np
import pytest
import torch

from facequal.data.loader import FaceLoader
from facequal.data.sampling.samplers import AlternatingSampler, EpochSampler, IdentityPairSampler
from tests.sources import ArraySource, people

# Twelve people in groups of three. Their epochs have 3 to 5 batches of 8 by groups, 4 to 6 otherwise.
COUNTS = [9, 2, 3, 6, 2, 4, 8, 3, 5, 2, 7, 2]


def order(epoch: int, **arguments: int) -> list[int]:
    sampler = EpochSampler(range(20), shuffle=True, **arguments)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_order_is_a_function_of_seed_and_epoch() -> None:
    assert order(2, seed=1) == order(2, seed=1)
    assert sorted(order(2, seed=1)) == list(range(20))
    orders = {tuple(order(epoch, seed=seed)) for epoch in range(4) for seed in range(4)}
    assert len(orders) == 16


def test_ranks_share_out_one_order() -> None:
    whole = order(1, seed=5)
    first, second = (order(1, seed=5, rank=rank, world_size=2) for rank in range(2))
    assert [index for pair in zip(first, second, strict=True) for index in pair] == whole


def test_epoch_is_passed_on() -> None:
    cell = torch.zeros((), dtype=torch.int64)
    EpochSampler(range(4), shuffle=True, epoch_cells=(cell,)).set_epoch(7)
    assert int(cell) == 7


@pytest.mark.parametrize("num_workers", [0, 2])
def test_loader_goes_on_in_the_middle_of_an_epoch(num_workers: int) -> None:
    def loader() -> FaceLoader:
        source = people(5, 4)
        sampler = EpochSampler(source, shuffle=True, seed=4)
        return FaceLoader(source, batch_size=4, sampler=sampler, num_workers=num_workers)

    first = loader()
    first.sampler.set_epoch(3)
    batches = iter(first)
    for _ in range(2):
        next(batches)
    state = first.state_dict()
    rest = [batch["index"].tolist() for batch in batches]

    second = loader()
    second.load_state_dict(state)
    assert [batch["index"].tolist() for batch in second] == rest
    assert len(rest) == 3
    assert second.sampler.epoch == 3


@pytest.mark.parametrize("num_workers", [0, 2])
def test_after_the_end_of_an_epoch_the_next_one_begins(num_workers: int) -> None:
    def loader() -> FaceLoader:
        source = people(5, 3)  # the last three images make no batch
        sampler = EpochSampler(source, shuffle=True, seed=4, smallest_batch=4)
        return FaceLoader(source, batch_size=4, sampler=sampler, num_workers=num_workers, drop_last=True)

    first = loader()
    batches = iter(first)
    for _ in range(3):
        next(batches)
    second = loader()
    second.load_state_dict(first.state_dict())
    assert list(batches) == []
    first.sampler.set_epoch(1)
    expected = [batch["index"].tolist() for batch in first]
    assert [batch["index"].tolist() for batch in second] == expected
    assert len(expected) == 3
    assert second.sampler.epoch == 1


def uneven() -> ArraySource:
    return ArraySource([identity for identity, count in enumerate(COUNTS) for _ in range(count)], size_px=4)


def pair_sampler(epoch: int = 0, by_groups: bool = False, **arguments: Any) -> IdentityPairSampler:
    source = uneven()
    grouping = {"groups": source.labels // 3, "identities_per_group": 2} if by_groups else {}
    sampler = IdentityPairSampler(source, 8, **grouping, **arguments)
    sampler.set_epoch(epoch)
    return sampler


def batches_of(sampler: IdentityPairSampler) -> Any:
    return np.array(list(sampler)).reshape(-1, 8 // sampler.num_replicas)


def test_pairs_are_a_function_of_seed_and_epoch() -> None:
    drawn = {batches_of(pair_sampler(epoch, seed=seed)).tobytes() for epoch in range(3) for seed in range(3)}
    assert len(drawn) == 9
    visited = pair_sampler(0, seed=1)
    for epoch in (2, 1, 0):
        visited.set_epoch(epoch)
        assert np.array_equal(batches_of(visited), batches_of(pair_sampler(epoch, seed=1)))


@pytest.mark.parametrize("by_groups", [False, True])
@pytest.mark.parametrize("world_size", [2, 4, 8])
def test_parts_of_the_ranks_are_the_batch(world_size: int, by_groups: bool) -> None:
    whole = batches_of(pair_sampler(3, by_groups))
    samplers = [pair_sampler(3, by_groups, rank=rank, world_size=world_size) for rank in range(world_size)]
    assert np.array_equal(np.concatenate([batches_of(sampler) for sampler in samplers], axis=1), whole)
    assert {len(sampler) for sampler in samplers} == {whole.size // world_size}


@pytest.mark.parametrize("by_groups", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_every_epoch_has_the_batches_of_the_first(seed: int, by_groups: bool) -> None:
    sampler = pair_sampler(0, by_groups, seed=seed)
    drawn_lengths = {len(sampler._draw(epoch, 0).batches) for epoch in range(25)}
    assert len(drawn_lengths) > 1
    labels = uneven().labels
    for epoch in range(25):
        sampler.set_epoch(epoch)
        batches = batches_of(sampler)
        assert len(batches) == sampler.num_batches == len(sampler) / 8
        assert (np.bincount(labels[batches].ravel(), minlength=12) <= COUNTS).all()
        assert len(np.unique(batches)) == batches.size
        assert sampler.left_over == len(labels) - batches.size


def test_an_epoch_that_stays_short_begins_anew(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(IdentityPairSampler, "ATTEMPTS", 1)
    lengths = [len(pair_sampler(seed=3)._draw(epoch, 0).batches) for epoch in range(25)]
    short = next(epoch for epoch in range(25) if lengths[epoch] < lengths[0])
    with caplog.at_level("INFO"):
        sampler = pair_sampler(short, seed=3)
        batches = batches_of(sampler)
    assert len(batches) == lengths[0]
    assert np.array_equal(batches[lengths[short] :], batches[: lengths[0] - lengths[short]])
    assert len(np.unique(batches[: lengths[short]])) == 8 * lengths[short]
    assert sampler.left_over == sum(COUNTS) - 8 * lengths[short]
    assert f"epoch {short} sees its first {lengths[0] - lengths[short]} batches again at its end" in caplog.text


def test_an_epoch_is_planned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    draw = IdentityPairSampler._draw

    def counted(self: IdentityPairSampler, epoch: int, attempt: int) -> Any:
        drawn.append(epoch)
        return draw(self, epoch, attempt)

    monkeypatch.setattr(IdentityPairSampler, "_draw", counted)
    sampler = pair_sampler(0)
    for _ in range(2):
        assert len(list(sampler)) == len(sampler)
        assert sampler.left_over == sum(COUNTS) - len(sampler)
    assert drawn == [0]


def test_description_of_an_epoch() -> None:
    source = ArraySource([0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 4, 5], size_px=4)
    source.labels = np.append(source.labels, -1)
    groups = np.array([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 9])
    sampler = IdentityPairSampler(source, 4, groups=groups, identities_per_group=2)
    assert sampler.plan.single_image_identities == 2
    number, left = len(sampler) // 4, 11 - len(sampler)
    assert sampler.describe() == (
        f"identity pairs: {number} batches of 2 identities with 2 images per epoch; {left} images are left over in "
        "epoch 0; never drawn: 2 identities with a single image, 1 identities in groups with fewer than 2 to draw, 1 "
        "images of unknown people"
    )
    assert pair_sampler().describe().endswith("in epoch 0")


def test_pairs_need_a_batch_that_divides() -> None:
    with pytest.raises(ValueError, match="batch_size=8 does not divide among 3 processes"):
        IdentityPairSampler(uneven(), 8, world_size=3)


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("seen", [0, 2])
def test_pairs_go_on_in_the_middle_of_an_epoch(num_workers: int, seen: int) -> None:
    def loader(rank: int) -> FaceLoader:
        sampler = pair_sampler(0, True, seed=4, rank=rank, world_size=2)
        return FaceLoader(uneven(), batch_size=4, sampler=sampler, num_workers=num_workers, drop_last=True)

    for rank in range(2):
        first = loader(rank)
        first.sampler.set_epoch(3)
        batches = iter(first)
        for _ in range(seen):
            next(batches)
        state = first.state_dict()
        rest = [batch["index"].tolist() for batch in batches]

        second = loader(rank)
        second.load_state_dict(state)
        assert [batch["index"].tolist() for batch in second] == rest
        assert len(rest) == len(first) - seen > 0
        assert second.sampler.epoch == 3
        second.sampler.set_epoch(4)
        assert len(list(second)) == len(first)


class TestAlternatingHalves:
    SOURCE = people(9, 5)

    def test_no_person_is_in_both_halves(self) -> None:
        sampler = AlternatingSampler(self.SOURCE, 4, seed=3)
        seen: tuple[set[int], set[int]] = (set(), set())
        for epoch in range(3):
            sampler.set_epoch(epoch)
            batches = np.array(list(sampler)).reshape(-1, 4)
            assert len(batches) == sampler.num_batches == 2 * (4 * 5 // 4)
            assert len(np.unique(batches)) == batches.size
            for number, batch in enumerate(batches):
                seen[number % 2].update(self.SOURCE.labels[batch].tolist())
        assert seen[0].isdisjoint(seen[1])
        assert (len(seen[0]), len(seen[1])) == (4, 5)
        other = AlternatingSampler(self.SOURCE, 4, seed=4)
        assert not np.array_equal(other.halves[0], sampler.halves[0])

    def test_ranks_share_out_every_batch(self) -> None:
        whole = list(AlternatingSampler(self.SOURCE, 4, seed=3))
        first, second = (list(AlternatingSampler(self.SOURCE, 4, seed=3, rank=r, world_size=2)) for r in range(2))
        parts = np.stack([np.array(first).reshape(-1, 2), np.array(second).reshape(-1, 2)], axis=1)
        assert parts.ravel().tolist() == whole

    def test_goes_on_where_it_was(self) -> None:
        whole = list(AlternatingSampler(self.SOURCE, 4, seed=3))
        sampler = AlternatingSampler(self.SOURCE, 4, seed=3)
        iterator = iter(sampler)
        for _ in range(9):
            next(iterator)
        resumed = AlternatingSampler(self.SOURCE, 4, seed=3)
        resumed.load_state_dict(sampler.state_dict())
        assert list(resumed) == whole[9:]

    def test_too_few_images(self) -> None:
        with pytest.raises(ValueError, match="halves of 20 and 25 images for batches of 24"):
            AlternatingSampler(self.SOURCE, 24)
        with pytest.raises(ValueError, match="batch_size=5 does not divide among 2 processes"):
            AlternatingSampler(self.SOURCE, 5, world_size=2)
