"""Blur, low light and noise on batches against the same picture by picture with OpenCV, and where the time goes."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F
from kornia.color import raw_to_rgb, rgb_to_raw
from torch import Tensor

from experiments.benchmarks.camera import Shot, photograph
from experiments.benchmarks.face_records import faces
from experiments.benchmarks.rows import Row, rates
from experiments.benchmarks.timing import Action, interleaved
from experiments.benchmarks.training import NUM_CLASSES, training_step
from facequal.degradations import Keys, MultiDegradation
from facequal.degradations.base import Params
from facequal.degradations.multi import blur
from facequal.degradations.responses import look_up
from facequal.degradations.sensor import add_noise, per_mosaic
from facequal.models.backbones import Backbone
from facequal.models.iresnet import IResNet

SIZES = ((112, 112), (176, 144), (224, 224))
WHAT = "blur, low light and noise"
RATE_TARGET = 0.5
GPU_TARGET = 100_000.0  # images of 112x112 per second
STEP_TARGET = 0.05  # of the time of a training step on as many images


def benchmark(quick: bool) -> list[Row]:
    """Return the whole chain at three sizes, on one thread and on two, and the shares of its stages at 112x112."""
    batch, rounds = (8, 3) if quick else (64, 7)
    found = [row(size, batch, rounds, threads) for threads in (1, 2) for size in SIZES]
    return [*found, *stage_rows(SIZES[0], batch, rounds)]


def row(size: tuple[int, int], batch: int, rounds: int, threads: int = 1, shortest_s: float = 0.3) -> Row:
    """All pictures blurred, dark and noisy; with several threads OpenCV has a picture on each."""
    images, multi = pictures(size, batch), MultiDegradation({"BNL": 1})
    shots = shots_of(multi, multi.sample(Keys(torch.arange(batch))))
    arrays = [np.ascontiguousarray(image.permute(1, 2, 0).numpy()) for image in images]
    generators = [np.random.default_rng(n) for n in range(batch)]
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with ThreadPoolExecutor(threads) as pool:
            actions: dict[str, Action] = {
                "ours": degrading(images, multi),
                "opencv": lambda: list((map if threads == 1 else pool.map)(photograph, arrays, shots, generators)),
            }
            seconds = interleaved(actions, rounds, shortest_s=shortest_s, wall_time=threads > 1)
    finally:
        torch.set_num_threads(before)
    ours, theirs = (rates(values, batch) for values in seconds.values())
    what = f"{WHAT}, {size[0]}x{size[1]}, batches of {batch}, {threads} thread{'s' if threads > 1 else ''}"
    return Row(what, "OpenCV and NumPy, per image", ours, theirs, "images/s", "rate", RATE_TARGET)


def stage_rows(size: tuple[int, int], batch: int, rounds: int, shortest_s: float = 0.15) -> list[Row]:
    """Each stage against the whole; ratios are shares of its time."""
    images, multi = pictures(size, batch), MultiDegradation({"BNL": 1})
    keys = Keys(torch.arange(batch))
    params = multi.sample(keys)
    curves, inverses = (tables[params["response_id"]] for tables in multi.noise.responses.on(images.device))
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


def gpu_rows(
    batch: int = 512,
    rounds: int = 9,
    device: str = "cuda",
    build: Callable[[], Backbone] = IResNet,
    name: str = "IR-50",
) -> list[Row]:
    """Return the whole chain at 112x112 on a GPU: its rate, and what it takes of the memory's bandwidth and of a step.

    The share of the bandwidth is that of reading every picture once and writing it once, as a copy does.
    """
    images = pictures(SIZES[0], 64).repeat(-(-batch // 64), 1, 1, 1)[:batch].to(device)
    actions: dict[str, Action] = {
        "ours": degrading(images, MultiDegradation({"BNL": 1})),
        "copy": images.clone,
        "step": training_step(build(), NUM_CLASSES, batch, device, bf16=True),
    }
    seconds = interleaved(actions, rounds, device)
    what = f"{WHAT}, 112x112, batches of {batch}, GPU"
    milliseconds = {key: [1e3 * value for value in values] for key, values in seconds.items()}
    ours, against = milliseconds["ours"], f"a training step of {name} on as many images, bf16"
    return [
        Row(what, "a fixed rate", rates(seconds["ours"], batch), [GPU_TARGET] * rounds, "images/s", "rate", 1.0),
        Row(f"{what}: time", "a copy of the batch", ours, milliseconds["copy"], "ms", "cost"),
        Row(f"{what}: time", against, ours, milliseconds["step"], "ms", "cost", STEP_TARGET),
    ]


def degrading(images: Tensor, multi: MultiDegradation) -> Callable[[], Tensor]:
    """Return the degradation of a batch with other draws at every call."""
    epochs, index = itertools.count(), torch.arange(len(images), device=images.device)
    return lambda: multi(images, Keys(index, epoch=next(epochs)))[0]


def pictures(size: tuple[int, int], batch: int) -> Tensor:
    """float32 (B,3,H,W) in [0,1]."""
    stored = torch.from_numpy(np.stack(list(faces(batch)))).permute(0, 3, 1, 2).float() / 255.0
    return F.interpolate(stored, size=size, mode="bilinear").clamp(0.0, 1.0)


def shots_of(multi: MultiDegradation, params: Params) -> list[Shot]:
    """Return the same draws for OpenCV."""
    cpu = torch.device("cpu")
    kernels = multi.blur.bank.on(cpu)[params["kernel_id"]].numpy()
    curves, inverses = (tables[params["response_id"]].numpy() for tables in multi.noise.responses.on(cpu))
    values = zip(*(params[name].tolist() for name in ("mosaic_id", "r", "sigma_s", "sigma_c")), strict=True)
    return [Shot(kernels[i], curves[i], inverses[i], *drawn) for i, drawn in enumerate(values)]
