from pathlib import Path
from typing import Any

import pytest
import torch

from facequal.data.datamodule import FaceDataModule
from facequal.methods.recognition.recognizer import Recognizer
from facequal.models.heads import AdaFaceHead, CosFaceHead, MagFaceHead
from tests.methods.tiny_recognition import Poisoned, head_of, recognizer
from tests.sources import people
from tests.training import fit


@pytest.mark.parametrize("kind", [AdaFaceHead, CosFaceHead, MagFaceHead])
def test_it_learns_colours(kind: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = recognizer(head=head_of(kind, s=16.0))
    fit(module, tmp_path, FaceDataModule(train=people(6, 16), batch_size=48, seed=0), max_epochs=20)
    source = people(6, 16)
    with torch.no_grad():
        embedding, norm = module.eval()(source.images / 255)
        logits = module.training_head()(embedding, norm, torch.from_numpy(source.labels))
    assert (logits.argmax(1).numpy() == source.labels).mean() > 0.6  # chance is 0.17


def test_loss_that_is_not_finite_names_the_samples(tmp_path: Path) -> None:
    source = people(6, 4)
    source.images[:, 0, 0, 0] = 0
    source.images[17, 0, 0, 0] = 255
    module = Recognizer(Poisoned(), num_classes=6)
    with pytest.raises(FloatingPointError, match=r"1 of 24 samples in epoch 0, batch 0: sample indices 17$"):
        fit(module, tmp_path, FaceDataModule(train=source, batch_size=24))


def test_statistics_follow_the_epoch(tmp_path: Path) -> None:
    module = recognizer(optimizer=lambda groups: torch.optim.SGD(groups, lr=0.0))
    trainer = fit(module, tmp_path, FaceDataModule(train=people(6, 4), batch_size=24), max_epochs=1)
    module.train()
    norm = module.backbone(people(6, 4).images / 255)[1]
    logged = trainer.callback_metrics
    assert logged["train/norm_mean"].item() == pytest.approx(norm.mean().item(), rel=1e-4)
    assert logged["train/norm_std"].item() == pytest.approx(norm.std().item(), rel=1e-3)
