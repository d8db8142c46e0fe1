"""What the evaluators of restored pictures have in common, on one that scores their brightness."""

from types import SimpleNamespace

import pytest
import torch

from facequal.data.protocols.restoration import RestorationSet
from facequal.evaluation.baselines import GainNormalisation
from facequal.evaluation.pictures import PictureEvaluator
from facequal.evaluation.restoration import RestorationEvaluator
from facequal.evaluation.settings import EvaluationSettings, RestorationSettings
from tests.sources import people

ONE_RANK = SimpleNamespace(world_size=1)


class Brightness(PictureEvaluator[RestorationSet]):
    def grid_numbers(self, num_shown: int) -> set[int]:
        return set(range(num_shown))

    def add(self, outputs, batch):
        pictures = self.restorations(outputs, batch)
        means = torch.stack([images.mean(dim=(1, 2, 3)) for images in pictures], dim=1)
        self.keep({"mean": means, "index": batch["index"]}, dict(zip(self.columns, pictures, strict=True)))

    def compute(self, trainer, seed):
        self.gather(trainer)

    def line(self, position: int) -> dict[str, object]:
        return {"number": int(self.rows["index"][position])}

    def score_names(self) -> dict[str, str]:
        return {"brightness": "mean", "unknown": "nothing"}


def evaluated(settings: EvaluationSettings, mode: str | None = None) -> Brightness:
    evaluator = Brightness(RestorationSet(people(2, 2, size_px=24), "Test-N", num_images=1), settings)
    outputs = {"restored": torch.full((6, 3, 4, 4), 0.75)} | ({} if mode is None else {"mode": mode})
    index = torch.tensor([5, 4, 3, 2, 1, 0])
    evaluator.add(outputs, {"lq": torch.full((6, 3, 4, 4), 0.25), "index": index})
    evaluator.compute(ONE_RANK, 0)
    return evaluator


def test_a_line_for_every_picture_and_column(tmp_path):
    settings = RestorationSettings(baselines=[GainNormalisation(0.5)], num_grid_rows=2)
    evaluator = evaluated(EvaluationSettings(restoration=settings))
    table, picture = evaluator.write(tmp_path)
    lines = table.read_text().splitlines()
    assert lines[:4] == [
        "number,restoration,brightness,unknown",
        "0,input,0.25,",
        "0,gain to 0.5,0.5,",
        "0,restored,0.75,",
    ]
    assert len(lines) == 1 + 6 * 3
    assert sorted(evaluator.shown) == [0, 1]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_training_leaves_the_baselines_out_and_no_rows_no_grid(tmp_path):
    settings = RestorationSettings(baselines=[GainNormalisation()], num_grid_rows=0)
    evaluator = evaluated(EvaluationSettings(restoration=settings, fitting=True), mode="refs")
    assert evaluator.columns == ["input", "restored (refs)"]
    assert [path.name for path in evaluator.write(tmp_path)] == ["Test-N.csv"]


def test_missing_pictures_are_named():
    protocol = RestorationSet(people(4, 2, size_px=24), "Test-N", num_images=4)
    evaluator = RestorationEvaluator(protocol, EvaluationSettings())
    with pytest.raises(ValueError, match="Test-N: no batch was evaluated"):
        evaluator.compute(ONE_RANK, None)
    clean = torch.rand(2, 3, 24, 24)
    batch = {"image": clean, "lq": clean, "index": torch.arange(2), "label": torch.zeros(2), "degradation": {}}
    evaluator.add({"restored": clean}, batch)
    with pytest.raises(ValueError, match="Test-N: 2 of 24 pictures were evaluated"):
        evaluator.compute(ONE_RANK, None)
