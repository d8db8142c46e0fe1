"""A training that is interrupted goes on with the batches that it would have had."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer

from facequal.data.datamodule import FaceDataModule
from facequal.data.sampling.identity_pairs import IdentityPairs
from facequal.data.training_set import HeldOut
from tests.sources import ArraySource, with_families


class Witness(LightningModule):
    """Learns nothing; notes what it sees, and saves itself at every step and after every validation."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.folder = folder
        self.seen: list[tuple[int, list[int]]] = []
        self.num_validated = 0

    def training_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> torch.Tensor:
        self.seen.append((self.current_epoch, batch["index"].tolist()))
        return self.layer(batch["image"].mean().reshape(1, 1)).sum()

    def on_train_batch_end(self, *_: Any) -> None:
        self.trainer.save_checkpoint(self.folder / f"step={self.global_step}.ckpt")

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.num_validated += len(batch["index"])

    def on_validation_end(self) -> None:
        if not self.trainer.sanity_checking:
            self.trainer.save_checkpoint(self.folder / f"validated={self.current_epoch}.ckpt")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit_witness(folder: Path, num_workers: int, pairs: IdentityPairs | None, checkpoint: Path | None = None) -> Witness:
    counts = [9, 2, 3, 6, 2, 4, 8, 3, 5, 2, 7, 2, 6, 6, 6, 3, 3, 9]
    source = with_families(ArraySource([i for i, count in enumerate(counts) for _ in range(count)]), np.arange(18) // 6)
    datamodule = FaceDataModule(
        train=source,
        batch_size=8,
        identity_pairs=pairs,
        held_out=HeldOut(4, pairs=20),
        val_resolutions_px=(8, 16),
        num_workers=num_workers,
        seed=1,
    )
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=3,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        num_sanity_val_steps=1,
        default_root_dir=folder,
    )
    module = Witness(folder)
    trainer.fit(module, datamodule=datamodule, ckpt_path=checkpoint)
    return module


@pytest.mark.parametrize("pairs", [IdentityPairs(2), None])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_lightning_trains_and_resumes(num_workers: int, pairs: IdentityPairs | None, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    whole = fit_witness(tmp_path / "whole", num_workers, pairs)
    length = len(whole.seen) // 3
    assert length >= 3
    assert [epoch for epoch, _ in whole.seen] == [epoch for epoch in range(3) for _ in range(length)]
    for epoch in range(3):
        seen = [index for own, batch in whole.seen for index in batch if own == epoch]
        assert len(set(seen)) == len(seen) == 8 * length
    assert whole.num_validated > 0
    # The middle of an epoch, its end before and after the validation.
    for name, num_seen in ((f"step={length + 2}", length + 2), (f"step={length}", length), ("validated=1", 2 * length)):
        resumed = fit_witness(tmp_path, num_workers, pairs, tmp_path / "whole" / f"{name}.ckpt")
        assert resumed.seen == whole.seen[num_seen:]
