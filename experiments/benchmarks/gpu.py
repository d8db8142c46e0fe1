"""All that is measured on a GPU, or the same rows without values where there is none."""

import torch

from experiments.benchmarks import augmentation, heads, pipeline, training
from experiments.benchmarks.rows import Row

PLANNED = (
    ("AdaFace head, forward+backward, time and peak memory, GPU", "normalised softmax without margin; dense AdaFace"),
    ("AdaFace augmentation, each p=.2, GPU", "50,000 images/s"),
    (f"{pipeline.WHAT}, GPU", "what IR-50 bf16 channels_last training consumes"),
    ("IR-50 training, bf16, channels_last, torch.compile, GPU", "the same without torch.compile"),
)


def benchmark(quick: bool) -> list[Row]:
    """The rows on the GPU."""
    if not torch.cuda.is_available():
        return [Row(what, against, [], [], "images/s", "rate") for what, against in PLANNED]
    if quick:
        head_rows = heads.rows({1_000: 1.25, 4_000: 1.10}, batch=128, device="cuda")
        return [*head_rows, *augmentation.gpu_rows((128,), rounds=3), *training.rows(batch=32, rounds=2)]
    head_rows = heads.rows(rounds=9, device="cuda")
    return [*head_rows, *augmentation.gpu_rows(), *pipeline.gpu_rows(), *training.rows()]
