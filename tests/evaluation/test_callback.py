import json
from types import SimpleNamespace

import pytest
import torch

from facequal.data.protocols.restoration import RestorationSet
from facequal.evaluation.callback import ProtocolEvaluation
from facequal.metrics.roc import roc
from facequal.reports.curves import read_curves
from facequal.reports.results import Result
from tests.sources import people


def test_report_names_the_sets_without_files_and_keeps_the_curves(tmp_path, capsys):
    evaluation = ProtocolEvaluation()
    evaluation.results = [Result("calfw", "cross-resolution", "7 px", "accuracy", 0.75, num=20)]
    curve = roc(torch.rand(20), torch.arange(20) % 2 == 0)
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
