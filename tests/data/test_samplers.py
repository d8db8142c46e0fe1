import pytest
import torch

from facequal.data.loader import FaceLoader
from facequal.data.samplers import EpochSampler
from tests.sources import people


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
