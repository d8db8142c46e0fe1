from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from jsonargparse import ArgumentParser

from facequal.data.datamodule import FaceDataModule
from facequal.data.protocols.verification import FolderPairs, PairsBin, PairsFile, ProceduralPairs
from facequal.data.sampling.identity_pairs import IdentityPairs
from facequal.data.training_set import HeldOut, TrainItems
from facequal.degradations.suites import AdaFaceAugmentation
from tests.data.protocols.binfiles import write_bin
from tests.sources import ArraySource, people, with_families


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
    assert FaceDataModule(train=people(6, 4), held_out=HeldOut(2)).num_classes == 4


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
        train=people(6, 6), held_out=HeldOut(2, pairs=20), resolutions_px=(4, 8, 16), val_resolutions_px=(4, 16)
    )
    (loader,) = datamodule.val_dataloader()
    raw = next(iter(loader))
    datamodule.trainer = stage("validating")
    assert datamodule.on_after_batch_transfer(raw, 0)["view"].unique().tolist() == [4, 16]
    datamodule.trainer = stage("testing")
    datamodule.all_test_protocols = datamodule.val_protocols
    assert datamodule.on_after_batch_transfer(raw, 0)["view"].unique().tolist() == [4, 8, 16]
    datamodule.trainer = stage("predicting")
    assert datamodule.on_after_batch_transfer(raw, 0)["image"].dtype == torch.float32


def test_validation_people_are_not_trained_on() -> None:
    datamodule = FaceDataModule(train=people(6, 6), held_out=HeldOut(2, pairs=20))
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
    datamodule = FaceDataModule(train=people(), batch_size=24, train_items=TrainItems(cpu_augmentation=transforms))
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
        FaceDataModule(train=ArraySource([0, 0, 1, 1]), held_out=HeldOut(3))


def test_protocols_need_names_of_their_own() -> None:
    protocols = [ProceduralPairs(num_identities=12, size_px=32), ProceduralPairs(num_identities=6, size_px=32)]
    with pytest.raises(ValueError, match=r"data\.test: the protocols need names of their own"):
        FaceDataModule(test=protocols)


def test_identity_pairs_have_two_images_each() -> None:
    datamodule = FaceDataModule(train=people(), batch_size=8, identity_pairs=IdentityPairs())
    batches = training_batches(datamodule)
    assert len(batches) >= 2
    for batch in batches:
        labels = batch["label"].reshape(4, 2)
        assert (labels[:, 0] == labels[:, 1]).all()
        assert len(labels[:, 0].unique()) == 4


def test_identity_pairs_of_all_ranks_are_the_batch() -> None:
    def batches(rank: int, world_size: int) -> Any:
        source = with_families(people(12, 6), np.arange(12) // 3)
        pairs = IdentityPairs(identities_per_group=2)
        datamodule = FaceDataModule(train=source, batch_size=8, identity_pairs=pairs, seed=2)
        return [batch["index"].tolist() for batch in training_batches(datamodule, 1, rank, world_size)]

    halves = [batches(rank, 2) for rank in range(2)]
    assert [first + second for first, second in zip(*halves, strict=True)] == batches(0, 1)


@pytest.mark.parametrize("from_file", [False, True])
def test_groups_follow_the_split(from_file: bool, tmp_path: Path) -> None:
    # Eighteen people in any order of their families; five are held out, under scores and albumentations.
    family = np.random.default_rng(0).permutation(np.repeat([4, 9, 2], 6))
    source = people(18, 4)
    np.save(tmp_path / "scores.npy", np.zeros(len(source)))
    np.save(tmp_path / "groups.npy", family[source.labels])
    pairs = IdentityPairs(2, str(tmp_path / "groups.npy") if from_file else None)
    datamodule = FaceDataModule(
        train=source if from_file else with_families(source, family),
        batch_size=8,
        identity_pairs=pairs,
        train_items=TrainItems(str(tmp_path / "scores.npy"), [{"name": "RandomBrightnessContrast"}]),
        held_out=HeldOut(5, pairs=20),
    )
    batches = training_batches(datamodule, epoch=3)
    assert int(datamodule.train_source.epoch) == 3
    assert len(batches) >= 3
    for batch in batches:
        people_of_batch = [datamodule.train_source.classes[label] for label in batch["label"].tolist()]
        families = [family[int(name.removeprefix("person"))] for name in people_of_batch]
        assert families[:4] == [families[0]] * 4
        assert families[4:] == [families[4]] * 4
        assert families[0] != families[4]


def test_identity_pairs_say_what_they_leave_out(caplog: pytest.LogCaptureFixture) -> None:
    source = ArraySource([0, 0, 0, 1, 1, 2, 3, 3])
    with caplog.at_level("INFO"):
        FaceDataModule(train=source, batch_size=6, identity_pairs=IdentityPairs()).train_dataloader()
    assert "1 batches of 3 identities with 2 images per epoch; 1 images are left over in epoch 0" in caplog.text
    assert "never drawn: 1 identities with a single image" in caplog.text


def test_errors_of_identity_pairs() -> None:
    with pytest.raises(ValueError, match="ArraySource does not know which people resemble each other"):
        FaceDataModule(train=people(), identity_pairs=IdentityPairs(3))
    with pytest.raises(ValueError, match="needs 8 identities with two images: there are 6"):
        FaceDataModule(train=people(), batch_size=16, identity_pairs=IdentityPairs()).train_dataloader()
    with pytest.raises(ValueError, match="does not divide among 4"):
        training_batches(FaceDataModule(train=people(), batch_size=6, identity_pairs=IdentityPairs()), world_size=4)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--data.identity_pairs={}"], IdentityPairs()),
        (["--data.identity_pairs.identities_per_group", "3"], IdentityPairs(3)),
        (["--config", "{folder}/pairs.yaml"], IdentityPairs(3)),
        (["--config", "{folder}/pairs.yaml", "--data.identity_pairs.identities_per_group=null"], IdentityPairs()),
        (["--config", "{folder}/pairs.yaml", "--data.identity_pairs=null"], None),
        ([], None),
    ],
)
def test_identity_pairs_of_a_configuration(
    arguments: list[str], expected: IdentityPairs | None, tmp_path: Path
) -> None:
    (tmp_path / "pairs.yaml").write_text("data: {identity_pairs: {identities_per_group: 3}}\n")
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--config", action="config")
    parser.add_class_arguments(FaceDataModule, "data")
    source = ["--data.train=facequal.procedural.ProceduralFaces"]
    config = parser.parse_args([*source, *(argument.replace("{folder}", str(tmp_path)) for argument in arguments)])
    datamodule = parser.instantiate(config).data
    assert datamodule.identity_pairs == expected
    assert (datamodule.training.groups is not None) == (expected == IdentityPairs(3))


def absent_protocols(folder: Path) -> list[Any]:
    return [
        PairsFile("lfw", str(folder / "pairs.txt"), str(folder / "lfw")),
        PairsBin(str(folder / "cfp_fp.bin")),
        FolderPairs("own", str(folder / "own")),
    ]


def test_missing_tests_are_left_out_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_bin(tmp_path / "agedb_30.bin", [b"a", b"b", b"c", b"d"], [True, False])
    present = PairsBin(str(tmp_path / "agedb_30.bin"))
    first, *others = absent_protocols(tmp_path)
    datamodule = FaceDataModule(test=[first, present, *others], skip_missing_tests=True)
    with caplog.at_level("INFO"):
        assert datamodule.test_protocols == [present]
        assert len(datamodule.test_dataloader()) == 1
    assert datamodule.left_out_tests == ["lfw", "cfp_fp", "own"]
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        f"data.test: lfw is left out, there is no {tmp_path}/pairs.txt and no {tmp_path}/lfw",
        f"data.test: cfp_fp is left out, there is no {tmp_path}/cfp_fp.bin",
        f"data.test: own is left out, there is no {tmp_path}/own",
    ]


def test_missing_tests_are_an_error_unless_skipped(tmp_path: Path) -> None:
    for number, message in enumerate((r"pairs\.txt", r"cfp_fp\.bin: no such file", "own: no such folder")):
        datamodule = FaceDataModule(test=[absent_protocols(tmp_path)[number]])
        assert datamodule.left_out_tests == []
        with pytest.raises(ValueError, match=message):
            datamodule.test_dataloader()


def test_damaged_tests_are_an_error_even_if_missing_ones_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "cfp_fp.bin").write_bytes(b"no pickle")
    datamodule = FaceDataModule(test=absent_protocols(tmp_path)[:2], skip_missing_tests=True)
    with pytest.raises(ValueError, match=r"cfp_fp\.bin"):
        datamodule.test_dataloader()
    assert datamodule.left_out_tests == ["lfw"]


def test_something_must_be_left_to_test_on(tmp_path: Path) -> None:
    datamodule = FaceDataModule(train=people(), test=absent_protocols(tmp_path), skip_missing_tests=True)
    datamodule.trainer = SimpleNamespace(state=SimpleNamespace(fn="fit"))  # type: ignore[assignment]
    datamodule.prepare_data()  # to train, nothing is missing
    with pytest.raises(ValueError, match=r"data\.test: the files of all protocols are missing: lfw, cfp_fp, own"):
        datamodule.test_dataloader()
    with pytest.raises(ValueError, match=r"data\.test is empty"):
        FaceDataModule(skip_missing_tests=True).test_dataloader()
