from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from jsonargparse import ArgumentParser

from facequal.data.datamodule import FaceDataModule
from facequal.data.sampling.identity_pairs import IdentityPairs
from facequal.data.sources.splits import SampledFaces
from facequal.data.training_set import HeldOut, TrainItems, make_training_set
from facequal.procedural import ProceduralFaces
from tests.sources import people, with_families

# Eighteen people of three families, in any order.
FAMILY = np.random.default_rng(0).permutation(np.repeat([4, 9, 2], 6))
BRIGHTNESS = [{"name": "RandomBrightnessContrast"}]


@pytest.mark.parametrize(("split", "scores", "augmentation", "references"), list(product([False, True], repeat=4)))
def test_grouped_batches_of_sampled_faces(
    split: bool, scores: bool, augmentation: bool, references: bool, tmp_path: Path
) -> None:
    faces = SampledFaces(with_families(people(18, 5, size_px=4), FAMILY), 80, seed=3)
    np.save(tmp_path / "scores.npy", np.arange(80))
    training = make_training_set(
        faces,
        seed=1,
        held_out=HeldOut(4 if split else 0, pairs=20),
        items=TrainItems(str(tmp_path / "scores.npy") if scores else None, BRIGHTNESS if augmentation else None),
        num_references=2 if references else 0,
        identity_pairs=IdentityPairs(2),
    )
    source: Any = training.source
    assert (training.held_out is not None) == split
    assert len(training.epoch_cells) == augmentation + references
    assert source.families.tolist() == training.groups.tolist()  # type: ignore[union-attr]
    families = [FAMILY[int(source.classes[label].removeprefix("person"))] for label in source.labels]
    assert families == training.groups.tolist()  # type: ignore[union-attr]
    item = source[7]
    assert item.keys() - {"image", "label", "index"} == (
        ({"quality"} if scores else set()) | ({"references", "num_references"} if references else set())
    )
    if scores:  # the one of the same image
        assert source.describe(7) == faces.describe(int(item["quality"]))


def test_a_data_module_draws_groups_from_a_sample(tmp_path: Path) -> None:
    faces = SampledFaces(ProceduralFaces(18, 4, size_px=16, cache_dir=tmp_path), 60, seed=0)
    datamodule = FaceDataModule(faces, batch_size=8, identity_pairs=IdentityPairs(2), held_out=HeldOut(3, pairs=20))
    batches = list(datamodule.train_dataloader())
    assert batches
    for batch in batches:
        people_of_batch = [datamodule.train_source.classes[label] for label in batch["label"].tolist()]
        families = [int(name.removeprefix("person ")) // 6 for name in people_of_batch]
        assert families == [families[0]] * 4 + [families[4]] * 4


def test_plain_source_stays_itself() -> None:
    faces = people()
    training = make_training_set(faces, seed=0)
    assert training == (faces, None, None, ())


def test_split_and_draws_follow_the_seed() -> None:
    def held_out(seed: int) -> list[str]:
        return make_training_set(people(12, 2), seed=seed, held_out=HeldOut(4)).held_out.classes  # type: ignore[union-attr]

    assert held_out(1) == held_out(1)
    assert held_out(1) != held_out(2)

    def augmented(seed: int) -> torch.Tensor:
        return make_training_set(people(), seed=seed, items=TrainItems(cpu_augmentation=BRIGHTNESS)).source[0]["image"]

    images = [augmented(seed) for seed in range(6)]
    assert torch.equal(images[0], augmented(0))
    assert any(not torch.equal(images[0], image) for image in images[1:])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--data.held_out.pairs=20", "--data.held_out.identities=3"],
        ["--data.held_out", "{identities: 3, pairs: 20}"],
        ["--config", "{folder}/data.yaml"],
        ["--config", "{folder}/data.yaml", "--data.held_out.pairs=20"],
    ],
)
def test_groups_of_options_in_a_configuration(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("data: {held_out: {identities: 3, pairs: 20}}\n")
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--config", action="config")
    parser.add_class_arguments(FaceDataModule, "data")
    train = ["--data.train=facequal.procedural.ProceduralFaces", "--data.train.init_args.num_identities=12"]
    config = parser.parse_args([*train, *(argument.replace("{folder}", str(tmp_path)) for argument in arguments)])
    assert config.data.train_items.as_dict() == {"quality_scores": None, "cpu_augmentation": None}
    datamodule = parser.instantiate(config).data
    assert datamodule.num_classes == 9
    assert datamodule.val_protocols[0].num_pairs == 20
