"""Which gradient scaling a configuration's head has."""

from pathlib import Path
from typing import Any

import pytest
import torch

from facequal.analysis import gst
from facequal.models import heads
from facequal.reports.notes import Notes
from facequal.reports.page.gradient_scaling import SCALINGS, largest_norm, margins_of, scaling_of
from facequal.reports.page.runs import Run, Seed


def config(name: str, **options: Any) -> dict[str, Any]:
    head = {"class_path": f"facequal.models.heads.{name}", "init_args": options}
    return {"model": {"init_args": {"head": head}}}


def run(name: str, settings: dict[str, Any], folder: Path = Path("gone")) -> Run:
    return Run(name, folder, {"": Seed(folder, config=settings)})


def test_every_head_has_its_closed_form() -> None:
    exported = {name for name in heads.__all__ if name.endswith("Head")} - {"MarginHead"}
    assert set(SCALINGS) == exported
    for name, scaling in SCALINGS.items():
        head = getattr(heads, name)(8, 4)
        defaults = scaling_of(config(name))
        assert type(defaults) is scaling
        for key in ("s", "m", "h", "lower_norm", "upper_norm", "lower_m", "upper_m"):
            assert getattr(head, key, None) == getattr(defaults, key, None)


def test_settings_reach_the_closed_form() -> None:
    found = scaling_of(config("AdaFaceHead", m=0.3, h=0.2, s=24.0, ema_decay=0.99, quality="norm"))
    assert found == gst.AdaFaceScaling(24.0, 0.3, 0.2)
    assert scaling_of({"model": {"init_args": {"network": 1}}}) is None
    assert scaling_of({"model": {"init_args": {"head": "facequal.models.heads.CosFaceHead"}}}) == gst.CosFaceScaling()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (config("MyHead"), "the head 'MyHead' is none of SoftmaxHead, "),
        (config("MagFaceHead", easy_margin=False), "easy_margin: true only"),
        (config("AdaFaceHead", quality="given"), "depends on the quality 'given'"),
        (config("ArcFaceHead", m="a lot"), "the head's m: 'a lot' is not a number"),
    ],
)
def test_unknown_heads_are_noted(settings: dict[str, Any], words: str) -> None:
    notes = Notes()
    assert margins_of([run("odd", settings)], notes) == []
    (note,) = notes
    assert note.startswith("odd: no map of its gradient scaling: ")
    assert words in note


def test_what_heads_have_learnt_comes_from_checkpoints(tmp_path: Path) -> None:
    for name, mean in (("a", 10.0), ("b", 12.0)):
        (tmp_path / name / "checkpoints").mkdir(parents=True)
        state = {"head.batch_mean": torch.tensor([mean]), "head.batch_std": torch.tensor([2.0])}
        torch.save({"state_dict": state}, tmp_path / name / "checkpoints" / "last.ckpt")
    settings = config("AdaFaceHead", m=0.3)
    runs = [run(name, settings, tmp_path / name) for name in "ab"] + [run("c", settings)]
    (margin,) = margins_of(runs, Notes())
    assert margin.runs == ("a", "b", "c")
    assert margin.scaling == gst.AdaFaceScaling(m=0.3, mean=11.0, std=2.0)
    assert margin.label == "AdaFace, s = 64, m = 0.3, h = 0.333, mean = 11, std = 2"
    assert largest_norm([margin]) == 17.0
    (assumed,) = margins_of(runs[2:], Notes())
    assert assumed.label.endswith("(no checkpoint tells what it has learnt)")
    (tmp_path / "a" / "checkpoints" / "last.ckpt").write_bytes(b"broken")
    notes = Notes()
    (margin,) = margins_of(runs, notes)
    assert margin.runs == ("b", "c")
    assert "last.ckpt: no checkpoint can be read" in next(iter(notes))
