import csv
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from facequal.data.protocols.restoration import DegradedSet, MixtureSet, RestorationSet
from facequal.degradations import LowLight, MultiDegradation
from facequal.evaluation.baselines import GainNormalisation
from facequal.evaluation.loggers import log_results
from facequal.evaluation.restoration import RestorationEvaluator
from facequal.evaluation.settings import EvaluationSettings, RestorationSettings
from facequal.metrics.restoration import psnr, ssim
from tests.sources import people

ONE_RANK = SimpleNamespace(world_size=1)


def evaluate(protocol: DegradedSet, settings: RestorationSettings, restore, order=None) -> RestorationEvaluator:
    evaluator = RestorationEvaluator(protocol, EvaluationSettings(restoration=settings))
    for start in range(0, len(protocol.images), 5):
        items = [protocol.images[i] for i in range(start, min(start + 5, len(protocol.images)))]
        batch = {key: torch.tensor([item[key] for item in items]) for key in ("label", "index")}
        batch = protocol.views({**batch, "image": torch.stack([item["image"] for item in items])}, [])
        outputs = {"restored": restore(batch), "index": batch["index"]}
        evaluator.add(outputs, batch)
        if start == 0:
            evaluator.add(outputs, batch)  # as ranks repeat samples to hold equally many
    evaluator.compute(ONE_RANK, seed=3)
    return evaluator


def figures(evaluator: RestorationEvaluator) -> dict:
    return {(result.column, result.metric): result.value for result in evaluator.results}


def test_means_of_every_restoration():
    protocol = RestorationSet(people(4, 2, size_px=24), "Test-N", num_images=4)
    settings = RestorationSettings(baselines=[GainNormalisation(0.3)], channels="y")
    found = evaluate(protocol, settings, lambda batch: (batch["lq"] + batch["image"]) / 2)
    items = [protocol.images[i] for i in range(24)]
    batch = protocol.views(
        {"image": torch.stack([i["image"] for i in items]), "label": torch.zeros(24), "index": torch.arange(24)}, []
    )
    clean, degraded = batch["image"], batch["lq"]
    for column, images in (
        ("input", degraded),
        ("gain to 0.3", GainNormalisation(0.3)(degraded)),
        ("restored", (degraded + clean) / 2),
    ):
        assert figures(found)[column, "psnr"] == pytest.approx(float(psnr(images, clean, "y").mean()))
        assert figures(found)[column, "ssim"] == pytest.approx(float(ssim(images, clean, "y").mean()), abs=1e-6)
    one = found.results[0]
    assert (one.protocol, one.condition, one.num, one.rule, one.unit, one.seed) == ("Test-N", "N", 24, "y", "dB", 3)
    assert len(found.results) == 6


def test_clean_inputs_are_in_no_mean():
    """They have no PSNR: a restorer that spoils them a little must not gain by it."""
    protocol = MixtureSet(people(4, 2, size_px=24), MultiDegradation({"clean": 1, "N": 1}), num_images=4, num_draws=6)
    found = evaluate(protocol, RestorationSettings(baselines=[GainNormalisation()]), lambda b: b["lq"] * 0.98)
    psnrs = {(result.condition, result.column): result for result in found.results if result.metric == "psnr"}
    noisy = psnrs["N", "input"].num
    assert 0 < noisy < 24
    for column in ("input", "gain", "restored"):
        assert (psnrs["all", column].num, psnrs["N", column].num) == (noisy, noisy)
        assert psnrs["all", column].value == psnrs["N", column].value
    assert (psnrs["clean", "input"].value, psnrs["clean", "input"].num) == (np.inf, 0)
    assert psnrs["clean", "restored"].num == 24 - noisy
    logged: dict[str, float] = {}
    module = SimpleNamespace(log=lambda name, value, **_: logged.__setitem__(name, value))
    log_results(module, "val", found.results)
    assert logged["val/psnr"] == psnrs["N", "restored"].value


def test_what_is_no_number_stays_none():
    def broken(batch: dict) -> torch.Tensor:
        return torch.where(batch["index"][:, None, None, None] == 7, np.nan, batch["lq"])

    protocol = RestorationSet(people(4, 2, size_px=24), "Test-N", num_images=4)
    found = evaluate(protocol, RestorationSettings(), broken)
    assert np.isnan(figures(found)["restored", "psnr"])
    assert np.isfinite(figures(found)["input", "psnr"])


def test_the_person_is_searched_among_others(recognizer):
    faces = people(4, 3, size_px=24)
    protocol = RestorationSet(faces, "Test-N", num_images=4)
    found = evaluate(protocol, RestorationSettings(**recognizer, ranks=(1, 3, 4)), lambda batch: batch["image"])
    values = figures(found)
    assert values["restored", "identity similarity"] == pytest.approx(1.0)
    assert values["clean", "identity similarity"] == pytest.approx(1.0)
    assert values["input", "identity similarity"] < 0.9999
    assert values["restored", "top-1"] == values["clean", "top-1"]
    assert values["input", "top-4"] == 1.0
    assert ("clean", "psnr") not in values
    # by hand: the second image of each person is the gallery
    embed = recognizer["recognizer"]
    clean, gallery = (
        torch.stack([faces[i]["image"] for i in places]).float() / 255 for places in ((0, 3, 6, 9), (1, 4, 7, 10))
    )
    scores = embed(nn.functional.interpolate(clean, size=112, mode="bicubic", antialias=True).clamp(0, 1))[0] @ (
        embed(nn.functional.interpolate(gallery, size=112, mode="bicubic", antialias=True).clamp(0, 1))[0].T
    )
    rank = (scores >= scores.diagonal()[:, None]).sum(1)
    for k in (1, 3):
        assert values["clean", f"top-{k}"] == pytest.approx(float((rank <= k).float().mean()))


def test_a_person_without_another_image_is_not_searched(recognizer):
    protocol = RestorationSet(Uneven(people(5, 3, size_px=24)), "Test-N", num_images=5)
    found = evaluate(protocol, RestorationSettings(**recognizer), lambda batch: batch["lq"])
    by_metric = {(result.column, result.metric): result.num for result in found.results}
    assert by_metric["restored", "identity similarity"] == 30
    assert by_metric["restored", "top-1"] == 24


class Uneven:
    """A source whose first image shows a person of whom there is no other."""

    def __init__(self, faces) -> None:
        self.faces, self.num_classes, self.classes = faces, 6, ["alone", *faces.classes]
        self.labels = np.array(faces.labels) + 1
        self.labels[0] = 0

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, index: int) -> dict:
        return {**self.faces[index], "label": int(self.labels[index])}

    def describe(self, index: int) -> str:
        return self.faces.describe(index)


def test_unknown_people_are_compared_but_not_searched(recognizer):
    faces = Uneven(people(3, 2, size_px=24))
    faces.labels[:] = -1
    found = evaluate(
        RestorationSet(faces, "Test-N", num_images=3), RestorationSettings(**recognizer), lambda b: b["lq"]
    )
    metrics = {result.metric for result in found.results}
    assert metrics == {"psnr", "ssim", "identity similarity"}


def test_every_picture_has_its_figures_in_the_table(tmp_path, recognizer):
    protocol = RestorationSet(people(4, 2, size_px=24), "Test-N", num_images=4)
    found = evaluate(protocol, RestorationSettings(**recognizer, num_grid_rows=3), lambda batch: batch["lq"] * 0.9)
    table, picture = found.write(tmp_path)
    assert (table.name, picture.name) == ("Test-N.csv", "Test-N.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24 * 3
    restored = [row for row in rows if row["restoration"] == "restored"]
    mean = sum(float(row["psnr_db"]) for row in restored) / 24
    assert mean == pytest.approx(figures(found)["restored", "psnr"])
    assert [row["picture"] for row in restored] == [str(i) for i in range(24)]
    assert [row["row"] for row in restored[:7]] == ["0", "1", "2", "3", "4", "5", "0"]
    assert restored[6]["image"] == protocol.images.describe(6)
    clean = next(row for row in rows if row["restoration"] == "clean")
    assert clean["psnr_db"] == ""
    assert float(clean["identity_similarity"]) == pytest.approx(1.0)
    assert int(clean["rank"]) >= 1
    assert sorted(found.shown) == sorted(found.grid)
    assert len({index % 6 for index in found.grid}) == 3  # several rows of the suite are shown


@pytest.mark.parametrize("degradation", [MultiDegradation({"clean": 1, "N": 1, "NL": 1}), LowLight()])
def test_figures_of_every_class(degradation, tmp_path):
    protocol = MixtureSet(people(4, 2, size_px=24), degradation, num_images=4, num_draws=12)
    found = evaluate(protocol, RestorationSettings(), lambda batch: batch["lq"] * 0.9)
    nums = {r.condition: r.num for r in found.results if (r.column, r.metric) == ("input", "ssim")}
    assert sum(num for kind, num in nums.items() if kind != "all") == 48
    values = {(result.condition, result.column, result.metric): result.value for result in found.results}
    if isinstance(degradation, LowLight):
        assert set(nums) == {"degraded"}
        return
    assert set(nums) == {"all", "clean", "N", "NL"}
    assert values["clean", "input", "psnr"] == float("inf")
    psnrs = found.rows["psnr"][:, 0]
    assert values["all", "input", "psnr"] == pytest.approx(float(psnrs[psnrs.isfinite()].mean()))
    assert values["N", "input", "psnr"] > values["NL", "input", "psnr"]
    table = found.write(tmp_path)[0].read_text().splitlines()
    assert table[0] == "picture,image,row,class,restoration,psnr_db,ssim,identity_similarity,rank"
    assert sum(",NL,restored," in line for line in table) == nums["NL"]
