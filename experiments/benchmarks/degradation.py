"""Blur, low light and noise on batches against the same picture by picture with OpenCV, and where the time goes."""

import itertools
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from kornia.color import raw_to_rgb, rgb_to_raw
from torch import Tensor

from experiments.benchmarks.camera import Shot, photograph
from experiments.benchmarks.face_records import faces
from experiments.benchmarks.rows import Row, rates
from experiments.benchmarks.timing import Action, interleaved
from facequal.degradations import Keys, MultiDegradation
from facequal.degradations.base import Params
from facequal.degradations.multi import blur
from facequal.degradations.responses import look_up
from facequal.degradations.sensor import add_noise, per_mosaic

SIZES = ((112, 112), (176, 144), (224, 224))
WHAT = "blur, low light and noise"
RATE_TARGET = 0.5
GPU_TARGET = 100_000.0  # images of 112x112 per second


def benchmark(quick: bool) -> list[Row]:
    """The whole chain at three sizes, and the shares of its stages at 112x112."""
    batch, rounds = (8, 3) if quick else (64, 7)
    found = [row(size, batch, rounds) for size in SIZES]
    return [*found, *stage_rows(SIZES[0], batch, rounds)]


def row(size: tuple[int, int], batch: int, rounds: int, shortest_s: float = 0.3) -> Row:
    """All pictures blurred, dark and noisy."""
    images, multi = pictures(size, batch), MultiDegradation({"BNL": 1})
    shots = shots_of(multi, multi.sample(Keys(torch.arange(batch))))
    arrays = [np.ascontiguousarray(image.permute(1, 2, 0).numpy()) for image in images]
    generator = np.random.default_rng(0)
    actions: dict[str, Action] = {
        "ours": degrading(images, multi),
        "opencv": lambda: [photograph(image, shot, generator) for image, shot in zip(arrays, shots, strict=True)],
    }
    ours, theirs = (rates(values, batch) for values in interleaved(actions, rounds, shortest_s=shortest_s).values())
    what = f"{WHAT}, {size[0]}x{size[1]}, batches of {batch}"
    return Row(what, "OpenCV and NumPy, per image", ours, theirs, "images/s", "rate", RATE_TARGET)


def stage_rows(size: tuple[int, int], batch: int, rounds: int, shortest_s: float = 0.15) -> list[Row]:
    """Each stage against the whole; ratios are shares of its time."""
    images, multi = pictures(size, batch), MultiDegradation({"BNL": 1})
    keys = Keys(torch.arange(batch))
    params = multi.sample(keys)
    curves, inverses = (tables[params["response_id"]] for tables in multi.responses.on(images.device))
    raw = per_mosaic(rgb_to_raw, images, params["mosaic_id"])
    actions: dict[str, Action] = {
        "whole": degrading(images, multi),
        "draws": lambda: multi.sample(keys),
        "blur": lambda: blur(images, params["kernel_id"], multi.blur.bank),
        "mosaic": lambda: per_mosaic(rgb_to_raw, images, params["mosaic_id"]),
        "inverse response": lambda: look_up(inverses, raw),
        "noise": lambda: add_noise(raw, params),
        "demosaic": lambda: per_mosaic(raw_to_rgb, raw, params["mosaic_id"]),
        "response": lambda: look_up(curves, images),
    }
    seconds = interleaved(actions, rounds, shortest_s=shortest_s)

    def per_image(values: list[float]) -> list[float]:
        return [1e3 * value / batch for value in values]

    whole = per_image(seconds.pop("whole"))
    return [
        Row(f"{WHAT}, {size[0]}x{size[1]}: {name}", "the whole chain", per_image(values), whole, "ms", "cost")
        for name, values in seconds.items()
    ]


def gpu_rows(batch: int = 512, rounds: int = 9, device: str = "cuda") -> list[Row]:
    """The whole chain at 112x112 on a GPU, against a fixed rate."""
    images = pictures(SIZES[0], 64).repeat(-(-batch // 64), 1, 1, 1)[:batch].to(device)
    seconds = interleaved({"ours": degrading(images, MultiDegradation({"BNL": 1}))}, rounds, device)["ours"]
    what = f"{WHAT}, 112x112, batches of {batch}, GPU"
    return [Row(what, "a fixed rate", rates(seconds, batch), [GPU_TARGET] * rounds, "images/s", "rate", 1.0)]


def degrading(images: Tensor, multi: MultiDegradation) -> Callable[[], Tensor]:
    """The degradation of a batch with other draws at every call."""
    epochs, index = itertools.count(), torch.arange(len(images), device=images.device)
    return lambda: multi(images, Keys(index, epoch=next(epochs)))[0]


def pictures(size: tuple[int, int], batch: int) -> Tensor:
    """float32 (B,3,H,W) in [0,1]."""
    stored = torch.from_numpy(np.stack(list(faces(batch)))).permute(0, 3, 1, 2).float() / 255.0
    return F.interpolate(stored, size=size, mode="bilinear").clamp(0.0, 1.0)


def shots_of(multi: MultiDegradation, params: Params) -> list[Shot]:
    """The same draws for OpenCV."""
    cpu = torch.device("cpu")
    kernels = multi.blur.bank.on(cpu)[params["kernel_id"]].numpy()
    curves, inverses = (tables[params["response_id"]].numpy() for tables in multi.responses.on(cpu))
    values = zip(*(params[name].tolist() for name in ("mosaic_id", "r", "sigma_s", "sigma_c")), strict=True)
    return [Shot(kernels[i], curves[i], inverses[i], *drawn) for i, drawn in enumerate(values)]
