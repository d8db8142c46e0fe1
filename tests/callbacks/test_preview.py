from pathlib import Path
from typing import Any

import cv2
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger, Logger

from facequal.callbacks.preview import TrainingPreview, grid
from facequal.methods.restoration.networks import DnCNN
from facequal.methods.restoration.restorer import Restorer
from tests.callbacks.recognition import recognition_data, recognizer
from tests.methods.tiny_restoration import restoration_data
from tests.training import Record, trainer


class Memory(Logger):
    """A logger that takes images as W&B's does, or as TensorBoard's."""

    name, version, save_dir = "memory", "0", "."

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.images: list[Any] = []
        if kind == "wandb":
            self.log_image = lambda key, images, step: self.images.append((key, images, step))
        self.experiment = self

    def add_image(self, key: str, image: Any, step: int, dataformats: str) -> None:
        assert dataformats == "HWC"
        self.images.append((key, image, step))

    def log_metrics(self, *arguments: Any, **more: Any) -> None: ...

    def log_hyperparams(self, *arguments: Any, **more: Any) -> None: ...


def test_grids_are_written_at_their_steps(tmp_path: Path) -> None:
    torch.manual_seed(0)
    logger, record = CSVLogger(tmp_path, name="run"), Record()
    preview = TrainingPreview(every_n_steps=3, num_images=5)
    module = Restorer(DnCNN(3, 4))
    run = trainer(tmp_path, max_epochs=2, logger=logger, log_every_n_steps=1, callbacks=[record, preview])
    run.fit(module, datamodule=restoration_data())
    files = sorted((Path(logger.log_dir) / "preview").iterdir())
    assert [file.name for file in files] == ["step_0000001.png", "step_0000003.png", "step_0000006.png"]
    picture = cv2.cvtColor(cv2.imread(str(files[2])), cv2.COLOR_BGR2RGB)
    assert picture.shape == (3 * 16, 5 * 16, 3)
    batch = record.batches[5]
    for row, name in enumerate(("image", "lq")):
        for column in range(5):
            expected = (batch[name][column] * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
            assert (picture[16 * row : 16 * row + 16, 16 * column : 16 * column + 16] == expected).all()
    assert module.training
    assert all(part.training for part in module.modules())


@pytest.mark.parametrize("kind", ["wandb", "tensorboard"])
def test_loggers_that_take_images_get_the_grid(kind: str, tmp_path: Path) -> None:
    logger = Memory(kind)
    logger.save_dir = str(tmp_path)
    preview = TrainingPreview(every_n_steps=2, num_images=2)
    run = trainer(tmp_path, max_steps=2, logger=logger, log_every_n_steps=1, callbacks=[preview])
    run.fit(Restorer(DnCNN(3, 4)), datamodule=restoration_data())
    assert [(key, step) for key, _, step in logger.images] == [("train/preview", 1), ("train/preview", 2)]
    shown = logger.images[1][1]
    if kind == "wandb":
        assert Path(shown[0]).is_file()
    else:
        assert shown.shape == (48, 32, 3)


def test_a_preview_does_not_change_the_training(tmp_path: Path) -> None:
    weights = []
    for callbacks in ([], [TrainingPreview(every_n_steps=1)]):
        torch.manual_seed(0)
        module = Restorer(DnCNN(3, 4))
        trainer(tmp_path, max_steps=3, callbacks=callbacks).fit(module, datamodule=restoration_data())
        weights.append(module.state_dict())
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def test_methods_that_do_not_restore_show_two_rows(tmp_path: Path) -> None:
    preview = TrainingPreview(num_images=3)
    trainer(tmp_path, max_steps=1, callbacks=[preview]).fit(recognizer(), datamodule=recognition_data())
    (file,) = (tmp_path / "preview").iterdir()
    assert cv2.imread(str(file)).shape == (2 * 16, 3 * 16, 3)


def test_a_grid_is_clamped() -> None:
    picture = grid([torch.full((2, 3, 4, 5), -1.0), torch.full((2, 3, 4, 5), 1.5)])
    assert picture.shape == (3, 8, 10)
    assert picture[:, :4].max() == 0
    assert picture[:, 4:].min() == 255
    with pytest.raises(ValueError, match="must be at least 1, got 0, 8"):
        TrainingPreview(0)
