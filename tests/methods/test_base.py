"""What every method does in a run: its saved configuration, the guard of the loss, schedules, statistics over ranks."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.core.mixins.hparams_mixin import _given_hyperparameters_context
from lightning.pytorch.strategies import DDPStrategy

from facequal import load_module
from facequal.methods.base import FaceMethod, all_ranks, average_batch_norm_statistics
from facequal.methods.nasfe.search import NASFESearch
from facequal.methods.octuplet.method import Octuplet, octuplet_adagrad
from facequal.methods.qgface.method import QGFace, qgface_sgd
from facequal.methods.recognition.base import adaface_sgd
from facequal.methods.recognition.recognizer import Recognizer
from facequal.methods.recognition.siamese import Siamese
from facequal.methods.restoration.base import nasfe_adam
from facequal.methods.restoration.degradation_classifier import classifier_adam
from facequal.methods.restoration.networks import DnCNN
from facequal.methods.restoration.restorer import Restorer
from facequal.methods.schedules import StepSchedule
from facequal.models.iresnet import IRTiny
from tests.methods.nasfe.tiny import TINY, search
from tests.methods.tiny_recognition import Linear
from tests.training import fit, trainer

BACKBONE = {"class_path": "facequal.models.iresnet.IRTiny", "init_args": {"input_size_px": 32}}
DNCNN = {"class_path": "facequal.methods.restoration.networks.DnCNN", "init_args": {"depth": 2, "width": 4}}
NETWORK = {"class_path": "facequal.methods.nasfe.network.network.NASFENetwork", "init_args": TINY}
SPACE = {"blocks": 2, "channels": 8, "cells": 2, "partial": 2}


def configuration(method: type[FaceMethod], **arguments: Any) -> dict[str, Any]:
    """The arguments as the command line gives them to Lightning, with the linked one that not every class takes."""
    return {"_class_path": f"{method.__module__}.{method.__qualname__}", "num_classes": 6, **arguments}


def saved(module: FaceMethod, path: Path) -> Path:
    content = {"state_dict": module.state_dict(), "hyper_parameters": dict(module.hparams)}
    torch.save({**content, "pytorch-lightning_version": "2.6.0"}, path)
    return path


@pytest.mark.parametrize(
    ("method", "arguments", "takes_classes"),
    [
        (Recognizer, {"backbone": BACKBONE, "weights": "gone.ckpt"}, True),
        (Siamese, {"backbone": BACKBONE, "feature_weight": 0.5}, True),
        (QGFace, {"backbone": BACKBONE, "partition": {"threshold": 0.3}, "flip_test": False}, True),
        (Octuplet, {"backbone": BACKBONE, "margin": 2.0, "weights": "gone.ckpt"}, False),
        (Restorer, {"network": DNCNN, "tile_px": 32}, False),
        (NASFESearch, {"network": {**NETWORK, "init_args": {**TINY, "search": SPACE}}, "encoder_rate": 0.5}, False),
    ],
)
def test_what_the_command_line_gave_builds_the_method_again(
    method: type[FaceMethod], arguments: dict[str, Any], takes_classes: bool, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    given = configuration(method, **arguments)
    built: dict[str, Any] = {"num_classes": 6} if takes_classes else {}
    if "backbone" in arguments:
        built["backbone"] = IRTiny(input_size_px=32)
    else:
        built["network"] = search().network if method is NASFESearch else DnCNN(2, 4)
    with _given_hyperparameters_context(hparams=given, instantiator="lightning.pytorch.cli.instantiate_module"):
        module = method(**built)
    assert ("num_classes" in module.hparams) is takes_classes
    assert {name: module.hparams[name] for name in arguments} == arguments
    loaded = load_module(saved(module, tmp_path / "own.ckpt"))
    assert type(loaded) is method
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in module.state_dict().items())
    for name, value in arguments.items():
        if name in ("feature_weight", "flip_test", "encoder_rate", "tile_px"):
            assert getattr(loaded, name) == value


def test_shared_arguments_are_those_of_the_base_and_defaults_the_recipes() -> None:
    for method, optimizer, rate, milestones, weight_decay in (
        (Recognizer, adaface_sgd, 0.1, [18, 22], 5e-4),
        (Siamese, adaface_sgd, 0.1, [18, 22], 5e-4),
        (QGFace, qgface_sgd, 0.2, [6, 9], 5e-4),
        (Octuplet, octuplet_adagrad, 0.01, [2, 4, 5], 0.0),
    ):
        module = method(Linear(), flip_test=False)
        assert module.optimizer_factory is optimizer
        assert optimizer(module.parameters()).defaults["lr"] == rate
        assert module.schedule.milestones == tuple(milestones)
        assert (module.weight_decay, module.flip_test, module.head) == (weight_decay, False, None)
    parameters = [torch.nn.Parameter(torch.zeros(()))]
    assert qgface_sgd(parameters).defaults["momentum"] == adaface_sgd(parameters).defaults["momentum"] == 0.9
    assert (nasfe_adam(parameters).defaults["lr"], classifier_adam(parameters).defaults["lr"]) == (5e-4, 1e-3)
    with pytest.raises(TypeError, match="nonsense"):
        QGFace(Linear(), nonsense=1)


def test_buffers_of_rank_0_win_over_nobody(tmp_path: Path) -> None:
    module = Recognizer(Linear(), num_classes=6)
    for options, expected in (({}, False), ({"broadcast_buffers": False}, False)):
        run = trainer(tmp_path)
        strategy = DDPStrategy(**options)
        run._accelerator_connector.strategy = strategy
        module._trainer = run
        module.setup("fit")
        assert set(strategy._ddp_kwargs.values()) == {expected}
    run._accelerator_connector.strategy = DDPStrategy(broadcast_buffers=True)
    with pytest.raises(ValueError, match=r"trainer\.strategy sets broadcast_buffers=True: DDP would overwrite"):
        module.setup("fit")


def test_a_value_that_is_not_finite_is_counted_and_named() -> None:
    module = Recognizer(Linear())
    module._trainer = None
    batch = {"index": torch.arange(100, 130)}
    module.require_finite(torch.zeros(30), batch, 0)
    with pytest.raises(FloatingPointError) as caught:
        with_trainer(module).require_finite(torch.full((30,), torch.inf), batch, 7, "distance")
    listed = ", ".join(str(index) for index in range(100, 120))
    assert str(caught.value) == (
        f"distance is not finite for 30 of 30 samples in epoch 0, batch 7: sample indices {listed}, ..."
    )


def with_trainer(module: FaceMethod) -> FaceMethod:
    module._trainer = trainer(Path())
    return module


def test_rows_of_one_rank_are_the_batch() -> None:
    rows = torch.rand(3, 2, requires_grad=True)
    assert with_trainer(Recognizer(Linear())).gather_batch(rows) is rows


@pytest.mark.parametrize("values", [[True, True], [True, False]])
def test_alone_a_rank_speaks_for_all(values: list[bool]) -> None:
    assert all_ranks(torch.tensor(values).all()) is all(values)


def test_batch_norm_is_left_alone_in_one_process() -> None:
    layer = torch.nn.BatchNorm1d(3)
    layer.running_mean.fill_(2.0)
    average_batch_norm_statistics(layer)
    assert layer.running_mean.tolist() == [2.0] * 3


def test_milestones_are_epochs_whatever_ends_the_training(tmp_path: Path) -> None:
    def rate(milestone: int, **arguments: Any) -> float:
        module = Recognizer(Linear(), num_classes=6, schedule=StepSchedule([milestone]))
        return float(fit(module, tmp_path, **arguments).optimizers[0].param_groups[0]["lr"])

    assert rate(1, max_epochs=24, max_steps=3) == pytest.approx(0.01)  # 2 steps per epoch
    assert rate(2, max_epochs=-1, max_steps=3) == pytest.approx(0.1)


def test_training_without_end_has_no_shares(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"set trainer\.max_epochs or trainer\.max_steps"):
        fit(Recognizer(Linear(), num_classes=6), tmp_path, max_epochs=-1, max_time={"seconds": 60})
