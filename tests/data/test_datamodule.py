from types import SimpleNamespace
from typing import Any

import pytest
import torch

from facequal.data.datamodule import FaceDataModule
from facequal.data.protocols import ProceduralPairs
from facequal.degradations.suites import AdaFaceAugmentation
from tests.sources import ArraySource, people


def stage(name: str, epoch: int = 0, rank: int = 0, world_size: int = 1) -> Any:
    """The few things a data module asks a trainer for."""
    flags = {flag: flag == name for flag in ("training", "validating", "testing", "predicting")}
    return SimpleNamespace(current_epoch=epoch, global_rank=rank, world_size=world_size, **flags)


def training_batches(datamodule: FaceDataModule, epoch: int = 0, rank: int = 0, world_size: int = 1) -> list[Any]:
    datamodule.trainer = stage("training", epoch, rank, world_size)
    loader = datamodule.train_dataloader()
    loader.sampler.set_epoch(epoch)
    return [datamodule.on_after_batch_transfer(batch, 0) for batch in loader]


def by_index(batches: list[Any], name: str) -> dict[int, torch.Tensor]:
    return {int(i): value for batch in batches for i, value in zip(batch["index"], batch[name], strict=True)}


def test_num_classes() -> None:
    assert FaceDataModule().num_classes is None
    assert FaceDataModule(train=people(6, 4)).num_classes == 6
    assert FaceDataModule(train=people(6, 4), val_identities=2).num_classes == 4


def test_batch_contract() -> None:
    first = training_batches(FaceDataModule(train=people(), batch_size=8, degradation=AdaFaceAugmentation()))[0]
    assert first["image"].shape == first["lq"].shape == (8, 3, 16, 16)
    assert first["image"].dtype == first["lq"].dtype == torch.float32
    assert first["label"].dtype == first["index"].dtype == torch.int64
    assert all(len(values) == 8 for values in first["degradation"].values())


@pytest.mark.parametrize(("batch_size", "num_workers", "world_size"), [(4, 0, 1), (12, 2, 1), (8, 0, 2), (4, 2, 4)])
def test_a_sample_is_degraded_alike_in_any_set_up(batch_size: int, num_workers: int, world_size: int) -> None:
    alone = by_index(training_batches(FaceDataModule(train=people(), batch_size=24, degradation=half())), "lq")
    assert len(alone) == 24
    seen: dict[int, torch.Tensor] = {}
    for rank in range(world_size):
        datamodule = FaceDataModule(
            train=people(), batch_size=batch_size, num_workers=num_workers, degradation=half(), pin_memory=False
        )
        seen |= by_index(training_batches(datamodule, rank=rank, world_size=world_size), "lq")
    assert sorted(seen) == list(range(24))
    for index, image in alone.items():
        torch.testing.assert_close(seen[index], image, atol=1e-6, rtol=0)


def test_epochs_are_degraded_differently() -> None:
    datamodule = FaceDataModule(train=people(), batch_size=24, degradation=half())
    first, second = (by_index(training_batches(datamodule, epoch), "lq") for epoch in (0, 1))
    assert any(not torch.equal(first[index], second[index]) for index in first)


def half() -> AdaFaceAugmentation:
    return AdaFaceAugmentation(p_crop=0.5, p_low_resolution=0.5, p_photometric=0.5)


def test_batch_is_that_of_all_ranks() -> None:
    datamodule = FaceDataModule(train=people(), batch_size=8)
    batches = training_batches(datamodule, rank=1, world_size=2)
    assert [len(batch["index"]) for batch in batches] == [4, 4, 4]


def test_evaluation_views() -> None:
    datamodule = FaceDataModule(
        train=people(6, 6), val_identities=2, val_pairs=20, resolutions_px=(4, 8, 16), val_resolutions_px=(4, 16)
    )
    (loader,) = datamodule.val_dataloader()
    raw = next(iter(loader))
    datamodule.trainer = stage("validating")
    assert datamodule.on_after_batch_transfer(raw, 0)["view"].unique().tolist() == [4, 16]
    datamodule.trainer = stage("testing")
    assert datamodule.on_after_batch_transfer(raw, 0)["view"].unique().tolist() == [4, 8, 16]
    datamodule.trainer = stage("predicting")
    assert datamodule.on_after_batch_transfer(raw, 0)["image"].dtype == torch.float32


def test_validation_people_are_not_trained_on() -> None:
    datamodule = FaceDataModule(train=people(6, 6), val_identities=2, val_pairs=20)
    trained = set(datamodule.train_source.classes)
    (protocol,) = datamodule.val_protocols
    assert trained.isdisjoint(protocol.images.classes)
    assert len(protocol.pair_lists[0].pairs) == 20


def test_seed_of_seed_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "11")
    assert FaceDataModule().seed == 11
    assert FaceDataModule(seed=3).seed == 3


def test_cpu_augmentation_follows_the_epoch() -> None:
    transforms = [{"name": "RandomBrightnessContrast", "p": 1.0}]
    datamodule = FaceDataModule(train=people(), batch_size=24, cpu_augmentation=transforms)
    first, again, second = (by_index(training_batches(datamodule, epoch), "image") for epoch in (0, 0, 1))
    assert all(torch.equal(first[index], again[index]) for index in first)
    assert any(not torch.equal(first[index], second[index]) for index in first)


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"data\.train is not set"):
        FaceDataModule().train_dataloader()
    with pytest.raises(ValueError, match=r"data\.test is empty"):
        FaceDataModule().test_dataloader()
    with pytest.raises(ValueError, match=r"data\.predict is not set"):
        FaceDataModule().predict_dataloader()
    with pytest.raises(ValueError, match="only 24 images"):
        FaceDataModule(train=people(), batch_size=25).train_dataloader()
    with pytest.raises(ValueError, match="does not divide among 2"):
        training_batches(FaceDataModule(train=people(), batch_size=5), world_size=2)
    with pytest.raises(TypeError, match=r"data\.train: list is no data set of faces"):
        FaceDataModule(train=[1, 2])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="cannot hold out 3"):
        FaceDataModule(train=ArraySource([0, 0, 1, 1]), val_identities=3)


def test_protocols_need_names_of_their_own() -> None:
    protocols = [ProceduralPairs(num_identities=12, size_px=32), ProceduralPairs(num_identities=6, size_px=32)]
    with pytest.raises(ValueError, match=r"data\.test: the protocols need names of their own"):
        FaceDataModule(test=protocols)
