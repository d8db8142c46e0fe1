from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from facequal.data.protocols.restoration import RestorationSet
from facequal.evaluation.baselines import GainNormalisation
from facequal.evaluation.callback import ProtocolEvaluation
from facequal.evaluation.settings import RestorationSettings
from facequal.methods.restoration.networks import UNet
from facequal.methods.restoration.restorer import Restorer
from tests.methods.tiny_restoration import restoration_data
from tests.sources import people
from tests.training import Record, trainer


def test_the_loss_is_the_mean_squared_error(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, record = Restorer(UNet((4, 4, 4))), Record()
    trainer(tmp_path, max_steps=1, callbacks=[record]).fit(module, datamodule=restoration_data())
    batch = record.batches[0]
    # a fresh U-Net gives its input
    expected = torch.stack(
        [(lq - image).square().mean() for lq, image in zip(batch["lq"], batch["image"], strict=True)]
    )
    assert record.losses == pytest.approx([float(expected.mean())], rel=1e-5)


def test_it_learns_and_is_tested_beside_baselines(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = Restorer(UNet((8, 8, 8)), optimizer=lambda parameters: torch.optim.Adam(parameters, lr=0.01))
    evaluation = ProtocolEvaluation(restoration=RestorationSettings(baselines=[GainNormalisation()]))
    run = trainer(tmp_path, max_epochs=8, callbacks=[evaluation])
    data = restoration_data()
    run.fit(module, datamodule=data)
    run.test(module, datamodule=data, verbose=False)
    results = {(result.column, result.metric): result.value for result in evaluation.results}
    assert results["restored", "psnr"] > results["input", "psnr"] + 2
    assert run.callback_metrics["test/psnr"] == pytest.approx(results["restored", "psnr"])
    report = evaluation.report_folder(run)
    assert "## Test-L, NL\n\nn = 96" in (report / "report.md").read_text()
    assert "luma" not in (report / "report.md").read_text()
    assert "RGB values of whole pictures" in (report / "report.md").read_text()
    assert (report / "Test-L.csv").is_file()
    assert (report / "Test-L.png").is_file()


def test_validation_logs_what_checkpoints_are_chosen_by(tmp_path: Path) -> None:
    data = restoration_data(val=[RestorationSet(people(4, 2, size_px=32), "Test-N", num_images=2)])
    run = trainer(tmp_path, callbacks=[ProtocolEvaluation()])
    run.fit(Restorer(UNet((4, 4, 4))), datamodule=data)
    assert 5 < float(run.callback_metrics["val/psnr"]) < 40
    assert "val/Test-N/N/input/ssim" in run.callback_metrics


def test_weights_are_loaded_from_a_checkpoint_or_a_state_dict(tmp_path: Path) -> None:
    torch.manual_seed(0)
    first = Restorer(UNet((4, 4, 4)))
    torch.save({"state_dict": first.state_dict()}, tmp_path / "whole.ckpt")
    torch.save(first.network.state_dict(), tmp_path / "plain.pt")
    for name in ("whole.ckpt", "plain.pt"):
        second = Restorer(UNet((4, 4, 4)), weights=str(tmp_path / name))
        for key, value in first.network.state_dict().items():
            assert torch.equal(value, second.network.state_dict()[key])
    with pytest.raises(ValueError, match=r"(?s)whole.ckpt does not fit the network.*of another shape"):
        Restorer(UNet((8, 4, 4)), weights=str(tmp_path / "whole.ckpt"))


class Poisoned(nn.Module):
    """Gives NaN for the second picture of a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        restored = images * self.scale
        return torch.where(torch.arange(len(images))[:, None, None, None] == 1, torch.nan, restored)


def test_a_loss_that_is_not_finite_names_the_sample(tmp_path: Path) -> None:
    with pytest.raises(FloatingPointError, match=r"loss is not finite for 1 of 12 samples in epoch 0, batch 0"):
        trainer(tmp_path).fit(Restorer(Poisoned()), datamodule=restoration_data())


def test_wrong_data_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a restorer learns to undo a degradation: set data\.degradation"):
        trainer(tmp_path).fit(Restorer(UNet((4, 4, 4))), datamodule=restoration_data(degradation=None))
    with pytest.raises(ValueError, match="Restorer is evaluated on restoration sets"):
        Restorer(UNet((4, 4, 4))).test_step({"image": torch.rand(1, 3, 8, 8)}, 0)
