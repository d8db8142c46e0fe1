import json
from types import SimpleNamespace

import pytest
import torch

from facequal.data.protocols.restoration import RestorationSet
from facequal.evaluation.callback import EVALUATORS, ProtocolEvaluation, evaluator_class
from facequal.evaluation.evaluator import Evaluator
from facequal.evaluation.recognition import RecognitionEvaluator
from facequal.metrics.roc import roc_curve
from facequal.reports.curves import read_curves
from facequal.reports.results import Result
from tests.evaluation.small_pairs import SmallPairs
from tests.sources import people


def test_report_names_the_sets_without_files_and_keeps_the_curves(tmp_path, capsys):
    evaluation = ProtocolEvaluation()
    evaluation.results = [Result("calfw", "cross-resolution", "7 px", "accuracy", 0.75, num=20)]
    curve = roc_curve(torch.rand(20), torch.arange(20) % 2 == 0)
    key = ("calfw", "cross-resolution", "7 px")
    datamodule = SimpleNamespace(seed=3, left_out_tests=["lfw", "cfp|fp"])
    module = SimpleNamespace(hparams={"weights": "base.ckpt"})
    trainer = SimpleNamespace(datamodule=datamodule, ckpt_path=None, global_step=0, lightning_module=module)
    evaluation.evaluators = {0: SimpleNamespace(curves={key: curve}, write=lambda folder: [])}
    evaluation.write(tmp_path, trainer)
    content = json.loads((tmp_path / "results.json").read_text())
    assert content["run"]["checkpoint"] == "base.ckpt"
    assert content["left_out"] == ["lfw", "cfp|fp"]
    assert "\n\nLeft out, files missing: lfw, cfp\\|fp.\n\n" in (tmp_path / "report.md").read_text()
    assert read_curves(tmp_path / "roc.npz")[key].auc() == pytest.approx(curve.auc(), abs=1e-12)

    datamodule.left_out_tests, trainer.global_step = [], 7  # tested after a training: not the weights it started from
    evaluation.evaluators = {}
    evaluation.write(tmp_path, trainer)
    content = json.loads((tmp_path / "results.json").read_text())
    assert content["left_out"] == []
    assert content["run"]["checkpoint"] is None
    assert "Left out" not in (tmp_path / "report.md").read_text()
    assert not (tmp_path / "roc.npz").exists()
    assert "report:" in capsys.readouterr().out


def test_ranks_begin_at_one():
    with pytest.raises(ValueError, match=r"evaluation.ranks must be at least 1, got \[1, 0\]"):
        ProtocolEvaluation(ranks=[1, 0])


def test_a_method_that_does_not_make_what_a_protocol_is_about_is_named():
    evaluation, protocol = ProtocolEvaluation(), RestorationSet(people(4, 2, size_px=32), "Test-N", num_images=2)
    evaluation.begin([protocol])
    with pytest.raises(TypeError, match="Test-N is a RestorationSet, but this method gives embedding, norm: nothing"):
        evaluation.add({"embedding": torch.rand(1, 2), "norm": torch.rand(1, 1)}, {}, 0)
    with pytest.raises(ValueError, match="Test-N: no batch was evaluated, the set is empty"):
        evaluation.compute(SimpleNamespace(testing=True, limit_test_batches=1.0), 0)


class CountImages(Evaluator["CountedPairs"]):
    """An evaluator from outside of the package."""

    num = 0

    def add(self, outputs, batch):
        self.num += len(outputs["index"])

    def compute(self, trainer, seed):
        self.results = [Result(self.protocol.name, "all", "images", "count", self.num, unit="", seed=seed)]

    def write(self, folder):
        path = folder / "count.txt"
        path.write_text(str(self.num))
        return [path]


class CountedPairs(SmallPairs):
    """A protocol from outside of the package, which names its evaluator."""

    evaluator = CountImages


def test_a_protocol_names_its_own_evaluator(tmp_path):
    evaluation = ProtocolEvaluation()
    evaluation.begin([CountedPairs("counted"), SmallPairs("small")])
    outputs = {"embedding": torch.rand(5, 2), "norm": torch.rand(5, 1), "index": torch.arange(5)}
    for number in (0, 0, 1):
        evaluation.add(outputs, {}, number)
    assert [type(evaluator) for evaluator in evaluation.evaluators.values()] == [CountImages, RecognitionEvaluator]
    evaluation.begin([CountedPairs("counted")], fitting=True)
    evaluation.add({"anything": torch.rand(3), "index": torch.arange(3)}, {}, 0)
    assert evaluation.evaluators[0].settings.fitting
    trainer = SimpleNamespace(testing=True, limit_test_batches=1.0)
    assert evaluation.compute(trainer, 3) == [Result("counted", "all", "images", "count", 3, unit="", seed=3)]
    assert evaluation.evaluators[0].write(tmp_path)[0].read_text() == "3"


def test_every_row_of_the_table_is_found_by_its_kind_and_key(monkeypatch):
    for (kind, key), evaluator in EVALUATORS.items():
        concrete = type("Concrete", (kind,), dict.fromkeys(kind.__abstractmethods__))
        protocol = object.__new__(concrete)  # whatever it would need to be made
        assert evaluator_class(protocol, {"index": 0, key: 0}) is evaluator
    monkeypatch.setitem(EVALUATORS, (SmallPairs, "voice"), CountImages)
    assert evaluator_class(SmallPairs("small"), {"voice": 0}) is CountImages


def test_only_the_first_of_several_protocols_draws_its_pairs():
    evaluation = ProtocolEvaluation()
    evaluation.begin([SmallPairs("one"), SmallPairs("two")])
    for number in range(2):
        evaluation.add({"embedding": torch.rand(1, 2), "norm": torch.rand(1, 1), "index": torch.arange(1)}, {}, number)
    assert [evaluator.settings.is_first for evaluator in evaluation.evaluators.values()] == [True, False]


@pytest.mark.parametrize(("limit", "is_limited"), [(1.0, False), (None, False), (1, True), (0.5, True)])
def test_limited_batches_are_not_evaluated(limit, is_limited):
    evaluation = ProtocolEvaluation()
    evaluation.begin([CountedPairs("counted")])
    evaluation.add({"index": torch.arange(3)}, {}, 0)
    results = evaluation.compute(SimpleNamespace(testing=False, limit_val_batches=limit), None)
    assert (results == []) == is_limited
