"""The gradient scaling of the margins that runs train with, from their configurations."""

import pickle
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from facequal.analysis import gst
from facequal.reports.notes import Notes
from facequal.reports.page.runs import Run

SCALINGS: dict[str, type[gst.GradientScaling]] = {
    "SoftmaxHead": gst.SoftmaxScaling,
    "CosFaceHead": gst.CosFaceScaling,
    "ArcFaceHead": gst.ArcFaceScaling,
    "SphereFaceHead": gst.SphereFaceScaling,
    "CurricularFaceHead": gst.CurricularFaceScaling,
    "MagFaceHead": gst.MagFaceScaling,
    "AdaFaceHead": gst.AdaFaceScaling,
}
# What a head learns of its data, by its buffer.
_LEARNT = {"mean": "head.batch_mean", "std": "head.batch_std", "t": "head.t"}


class Margin(NamedTuple):
    """A margin that runs train with.

    Attributes:
        scaling: Its gradient scaling; what heads learn is the mean over the runs with a checkpoint.
        runs: The runs.
        has_learnt: Whether a checkpoint held what the head has learnt; False too where there is nothing to learn.
    """

    scaling: gst.GradientScaling
    runs: tuple[str, ...]
    has_learnt: bool

    @property
    def name(self) -> str:
        """Its name, such as `AdaFace`."""
        return type(self.scaling).__name__.removesuffix("Scaling")

    @property
    def label(self) -> str:
        """Name, parameters, and what the head has learnt: `AdaFace, s = 64, m = 0.4, h = 0.333, mean = 20, std = 5`."""
        values = {field.name: getattr(self.scaling, field.name) for field in fields(self.scaling)}
        options = [f"{key} = {value:.4g}" for key, value in values.items()]
        is_assumed = not self.has_learnt and not _LEARNT.keys().isdisjoint(values)
        return ", ".join([self.name, *options]) + (" (no checkpoint tells what it has learnt)" if is_assumed else "")


def margins_of(runs: Sequence[Run], notes: Notes) -> list[Margin]:
    """Return the different margins of the runs; runs without one are left out, unknown ones are noted.

    A margin of the same settings is one, with the mean of what its runs have learnt (AdaFace's mean and deviation of
    norms, CurricularFace's t), from their last checkpoints.
    """
    by_margin: dict[gst.GradientScaling, dict[str, dict[str, float]]] = {}
    for run in runs:
        try:
            scaling = scaling_of(run.first.config)
            if scaling is not None:
                names = {field.name for field in fields(scaling)} & set(_LEARNT)
                by_margin.setdefault(scaling, {})[run.name] = _learnt(run.first.folder, names)
        except ValueError as error:
            notes.add(f"no map of its gradient scaling: {error}", run.name)
    return [_with_learnt(scaling, learnt) for scaling, learnt in by_margin.items()]


def head_of(config: Mapping[str, Any]) -> Any:
    """Return what a configuration says of its method's head; None if there is none.

    >>> head_of({"model": {"class_path": "Recognizer", "init_args": {"head": "ArcFaceHead"}}})
    'ArcFaceHead'
    """
    model = config.get("model")
    options = model.get("init_args") if isinstance(model, dict) else None
    return options.get("head") if isinstance(options, dict) else None


def scaling_of(config: Mapping[str, Any]) -> gst.GradientScaling | None:
    """Return the gradient scaling of a configuration's head; None if its method has no head.

    Raises:
        ValueError: If the head is unknown, or has settings for which there is no closed form.

    >>> scaling_of({"model": {"init_args": {"head": {"class_path": "ArcFaceHead", "init_args": {"m": 0.3}}}}})
    ArcFaceScaling(s=64.0, m=0.3)
    """
    head = head_of(config)
    if head is None:
        return None
    name = str(head.get("class_path", "") if isinstance(head, dict) else head).rpartition(".")[2]
    options = (head.get("init_args") or {}) if isinstance(head, dict) else {}
    if name not in SCALINGS:
        raise ValueError(f"the head {name!r} is none of {', '.join(SCALINGS)}")
    if options.get("easy_margin") is False:
        raise ValueError("MagFace's is known with easy_margin: true only")
    if options.get("quality", "norm") != "norm":
        raise ValueError(f"its margin depends on the quality {options['quality']!r} and not on the norm")
    known = {field.name for field in fields(SCALINGS[name])} - set(_LEARNT)
    values = {key: value for key, value in options.items() if key in known}
    wrong = [f"{key}: {value!r}" for key, value in values.items() if not isinstance(value, int | float)]
    if wrong:
        raise ValueError(f"the head's {wrong[0]} is not a number")
    return SCALINGS[name](**values)


def _learnt(folder: Path, names: Collection[str]) -> dict[str, float]:
    """Return what the head's buffers of these names hold in the last checkpoint; nothing without one."""
    path = folder / "checkpoints" / "last.ckpt"
    if not names or not path.is_file():
        return {}
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)["state_dict"]
    except (OSError, RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path}: no checkpoint can be read: {str(error).splitlines()[0]}") from error
    return {name: float(state[key]) for name, key in _LEARNT.items() if name in names and key in state}


def _with_learnt(scaling: gst.GradientScaling, learnt: Mapping[str, Mapping[str, float]]) -> Margin:
    known = [values for values in learnt.values() if values]
    means = {name: sum(values[name] for values in known) / len(known) for name in (known[0] if known else ())}
    return Margin(replace(scaling, **means), tuple(learnt), bool(known))


def largest_norm(margins: Sequence[Margin]) -> float:
    """Return up to which norm maps are drawn: beyond what heads have seen."""
    seen = [m.scaling.mean + 3 * m.scaling.std for m in margins if isinstance(m.scaling, gst.AdaFaceScaling)]
    bounds = [m.scaling.upper_norm for m in margins if isinstance(m.scaling, gst.MagFaceScaling)]
    return max([*seen, *bounds], default=40.0)
