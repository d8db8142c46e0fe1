import csv
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from facequal.data.errors import DatasetError
from facequal.data.protocols.photos import RealPhotos
from facequal.data.sources.images import encode_png
from facequal.evaluation.baselines import GainNormalisation
from facequal.evaluation.callback import ProtocolEvaluation
from facequal.evaluation.photos import PhotoEvaluator
from facequal.evaluation.settings import RestorationSettings
from facequal.metrics.no_reference import SCORES, luma
from tests.evaluation.thumbnail import Thumbnail

NETWORK = torch.nn.Linear(2, 3)
ONE_RANK = SimpleNamespace(world_size=1, testing=True, limit_test_batches=1.0, lightning_module=NETWORK)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[str, str]:
    """Photos of ann (2), bob (1) and cy (2), references of ann (2), bob (1) and dee (1)."""
    generator = np.random.default_rng(3)
    for name in ("photos/ann/0", "photos/ann/1", "photos/bob/0", "photos/cy/0", "photos/cy/1"):
        save(tmp_path / f"{name}.png", generator)
    for name in ("clean/ann/0", "clean/ann/1", "clean/bob/0", "clean/dee/0"):
        save(tmp_path / f"{name}.png", generator)
    return str(tmp_path / "photos"), str(tmp_path / "clean")


def save(path: Path, generator: np.random.Generator) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    encode_png(path, generator.integers(0, 120, (30, 26, 3), dtype=np.uint8))


def evaluate(protocol: RealPhotos, settings: RestorationSettings, folder: Path) -> tuple[PhotoEvaluator, list[Path]]:
    evaluation = ProtocolEvaluation(restoration=settings)
    evaluation.begin([protocol])
    for indices in ([0, 1, 2], [3, 4, 0]):  # the last repeats the first, as on several ranks
        items = [protocol.images[i] for i in indices]
        batch = {key: torch.tensor([item[key] for item in items]) for key in ("label", "index")}
        batch = protocol.views({**batch, "image": torch.stack([item["image"] for item in items])}, [])
        evaluation.add({"restored": batch["lq"] * 2, "index": batch["index"]}, batch, 0)
    evaluation.compute(ONE_RANK, 7)
    evaluator = evaluation.evaluators[0]
    assert isinstance(evaluator, PhotoEvaluator)
    return evaluator, evaluator.write(folder)


def test_scores_without_references(folders: tuple[str, str], tmp_path: Path) -> None:
    protocol = RealPhotos("mine", folders[0], size_px=24)
    evaluator, (table, picture) = evaluate(protocol, RestorationSettings(baselines=[GainNormalisation()]), tmp_path)
    photos = torch.stack([protocol.images[i]["image"] for i in range(5)]).float() / 255
    found = {(result.column, result.metric): result for result in evaluator.results}
    assert len(found) == 3 * len(SCORES)
    for name, score in SCORES.items():
        for column, images in (("input", photos), ("restored", photos * 2), ("gain", GainNormalisation()(photos))):
            assert found[column, name].value == pytest.approx(float(score(luma(images)).mean()))
            assert (found[column, name].num, found[column, name].seed) == (5, 7)
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["restoration"] for row in rows[:3]] == ["input", "gain", "restored"]
    assert len(rows) == 15
    assert float(rows[3]["sharpness"]) == pytest.approx(float(SCORES["sharpness"](luma(photos[1:2]))))
    assert Path(rows[0]["file"]).name == "0.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_likeness_to_the_references_of_the_person(folders: tuple[str, str], tmp_path: Path) -> None:
    torch.save(Thumbnail().state_dict(), tmp_path / "thumbnail.pt")
    settings = RestorationSettings(
        recognizer=Thumbnail(), recognizer_weights=str(tmp_path / "thumbnail.pt"), colour_order="rgb"
    )
    protocol = RealPhotos("mine", *folders, size_px=24)
    assert protocol.reference_labels.tolist() == [0, 0, 1, -1]
    evaluator, (table, _) = evaluate(protocol, settings, tmp_path)
    found = {(result.column, result.metric): result for result in evaluator.results}

    def embed(source, places):
        images = torch.stack([source[i]["image"] for i in places]).float() / 255
        large = F.interpolate(images, size=112, mode="bicubic", antialias=True).clamp(0, 1)
        return Thumbnail()(large)[0].detach()

    photos, references = embed(protocol.images, range(3)), embed(protocol.references, range(3))
    cosines = [(photos[i] @ references[:2].T).mean() for i in (0, 1)] + [photos[2] @ references[2]]
    result = found["input", "identity similarity"]
    assert result.num == 3  # cy has no references
    assert result.value == pytest.approx(float(torch.stack(cosines).mean()), abs=1e-5)
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert math.isnan(float(rows[-1]["identity similarity"]))


def test_wrong_folders_are_named(folders: tuple[str, str], tmp_path: Path) -> None:
    save(tmp_path / "others" / "eve" / "0.png", np.random.default_rng(0))
    with pytest.raises(DatasetError, match=r"others: no person of .*photos is there: do the names agree\?"):
        _ = RealPhotos("mine", folders[0], str(tmp_path / "others")).reference_labels
    assert [path.name for path in RealPhotos("mine", *folders).paths] == ["photos", "clean"]
    with pytest.raises(DatasetError, match="none: no such folder"):
        _ = RealPhotos("mine", str(tmp_path / "none")).images
