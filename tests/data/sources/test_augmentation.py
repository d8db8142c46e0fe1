import pytest
import torch
from torch.utils.data import DataLoader

from facequal.data.sources.augmentation import AlbumentationsDataset
from tests.sources import people

TRANSFORMS = [{"name": "RandomBrightnessContrast", "p": 1.0}, {"name": "HorizontalFlip", "p": 0.5}]


def images(dataset: AlbumentationsDataset, num_workers: int, batch_size: int = 5) -> torch.Tensor:
    loader = DataLoader(dataset, batch_size=batch_size, num_workers=num_workers)
    return torch.cat([batch["image"] for batch in loader])


def test_same_draws_for_any_number_of_workers() -> None:
    dataset = AlbumentationsDataset(people(), TRANSFORMS, seed=1)
    alone = images(dataset, 0)
    assert torch.equal(alone, images(dataset, 2))
    assert torch.equal(alone, images(dataset, 0, batch_size=3))


def test_samples_epochs_and_seeds_differ() -> None:
    source = people()
    source.images[:] = source.images[0]  # so that only the draws can tell the samples apart
    dataset = AlbumentationsDataset(source, TRANSFORMS, seed=1)
    first = images(dataset, 0)
    assert not torch.equal(first[0], first[1])
    dataset.epoch.fill_(1)
    assert not torch.equal(first, images(dataset, 0))
    assert not torch.equal(first, images(AlbumentationsDataset(source, TRANSFORMS, seed=2), 0))


def test_persistent_workers_follow_the_epoch() -> None:
    dataset = AlbumentationsDataset(people(), TRANSFORMS, seed=1)
    loader = DataLoader(dataset, batch_size=8, num_workers=1, persistent_workers=True)
    first = torch.cat([batch["image"] for batch in loader])
    dataset.epoch.fill_(1)
    second = torch.cat([batch["image"] for batch in loader])
    assert torch.equal(second, images(dataset, 0))
    assert not torch.equal(first, second)


def test_batch_contract_is_kept() -> None:
    item = AlbumentationsDataset(people(), TRANSFORMS, seed=1)[7]
    assert item["image"].dtype == torch.uint8
    assert item["image"].shape == (3, 16, 16)
    assert (item["label"], item["index"]) == (1, 7)


@pytest.mark.parametrize("transform", [{"name": "NoSuchTransform"}, {"p": 1.0}])
def test_unknown_transform(transform: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"cpu_augmentation\[0\]"):
        AlbumentationsDataset(people(), [transform], seed=0)
