import pytest
import torch
from torch.utils.data import default_collate

from facequal.data.views import resolution_views, to_unit_range, training_views
from facequal.degradations.geometry import HorizontalFlip
from facequal.degradations.resolution import Resolution
from tests.sources import people


def batch(size_px: int = 16) -> dict[str, torch.Tensor]:
    source = people(2, 3, size_px)
    return default_collate([source[index] for index in range(len(source))])


def test_unit_range() -> None:
    values = to_unit_range(torch.tensor([0, 51, 255], dtype=torch.uint8))
    assert values.dtype == torch.float32
    assert values.tolist() == pytest.approx([0, 0.2, 1])
    with pytest.raises(TypeError, match=r"got torch\.float32"):
        to_unit_range(torch.zeros(3))


def test_without_degradation_lq_is_the_image() -> None:
    views = training_views(batch(), seed=0, epoch=0)
    assert views["lq"] is views["image"]
    assert views["degradation"] == {}
    assert torch.equal(views["image"], batch()["image"] / 255)


def test_augmentation_is_shared_and_degradation_is_not() -> None:
    clean = to_unit_range(batch()["image"])
    views = training_views(
        batch(), seed=0, epoch=0, augmentation=HorizontalFlip(p=1.0), degradation=Resolution(sizes_px=(4,))
    )
    assert torch.equal(views["image"], clean.flip(-1))
    assert not torch.allclose(views["lq"], views["image"], atol=0.02)
    # blurred, not moved: the mean colour stays
    assert torch.allclose(views["lq"].mean((2, 3)), views["image"].mean((2, 3)), atol=0.02)
    assert views["degradation"]["size_px"].tolist() == [4] * 6


def test_lq_augmentation_is_drawn_for_lq_alone() -> None:
    views = training_views(batch(), seed=0, epoch=0, lq_augmentation=HorizontalFlip(p=1.0))
    assert torch.equal(views["image"], to_unit_range(batch()["image"]))
    assert torch.equal(views["lq"], views["image"].flip(-1))


def test_slots_draw_independently() -> None:
    flip = HorizontalFlip(p=0.5)
    many = {name: value.repeat(40, *[1] * (value.ndim - 1)) for name, value in batch().items()}
    many["index"] = torch.arange(240)
    clean = to_unit_range(many["image"])
    views = training_views(many, seed=0, epoch=0, augmentation=flip, lq_augmentation=flip)
    first = (views["image"] != clean).flatten(1).any(1)
    second = (views["lq"] != views["image"]).flatten(1).any(1)
    both = (first & second).float().mean().item()
    assert 0.15 < both < 0.35


@pytest.mark.parametrize("changed", [{"seed": 1}, {"epoch": 1}])
def test_seed_and_epoch_change_the_draws(changed: dict[str, int]) -> None:
    settings = {"seed": 0, "epoch": 0}
    flip = HorizontalFlip(p=0.5)
    many = {name: value.repeat(10, *[1] * (value.ndim - 1)) for name, value in batch().items()}
    many["index"] = torch.arange(60)
    drawn = [training_views(many, augmentation=flip, **draws)["image"] for draws in (settings, settings | changed)]
    assert not torch.equal(*drawn)
    assert torch.equal(drawn[0], training_views(many, augmentation=flip, **settings)["image"])


def test_resolution_views_stack_all_resolutions() -> None:
    views = resolution_views(batch(), (4, 16))
    assert views["image"].shape == (12, 3, 16, 16)
    assert views["view"].tolist() == [4] * 6 + [16] * 6
    assert views["index"].tolist() == list(range(6)) * 2
    assert torch.equal(views["image"][6:], to_unit_range(batch()["image"]))
    detail = views["image"].diff(dim=-1).abs().mean((1, 2, 3))
    assert (detail[:6] < 0.7 * detail[6:]).all()
