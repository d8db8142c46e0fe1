"""All that is measured on a GPU, or the same rows without values where there is none."""

import torch

from experiments.benchmarks import augmentation, degradation, heads, octuplet, pipeline, qgface, queue, training
from experiments.benchmarks.rows import Row
from facequal.models.iresnet import IResNet

PLANNED_ROWS = (
    Row("AdaFace head, forward+backward, GPU: time", "normalised softmax without margin", [], [], "s", "cost", 1.10),
    Row("AdaFace head, forward+backward, GPU: time", "AdaFace on dense one-hot matrices", [], [], "s", "speed-up", 1.4),
    Row("octuplet loss, forward+backward, GPU: time", octuplet.AGAINST, [], [], "ms", "speed-up"),
    Row("octuplet loss, forward+backward, GPU", "the whole fine-tuning step of IR-50", [], [], "ms", "cost"),
    Row("proxy-updated queue, enqueue + keys, GPU: time", queue.AGAINST, [], [], "ms", "speed-up", 8.0),
    Row("QGFace step, IR-34, bf16, GPU", "AdaFace on both views", [], [], "ms", "cost", qgface.TARGET),
    Row("AdaFace augmentation, each p=.2, GPU", "a fixed rate of 50,000 images/s", [], [], "images/s", "rate", 1.0),
    Row(f"{degradation.WHAT}, 112x112, GPU", "a fixed rate of 100,000 images/s", [], [], "images/s", "rate", 1.0),
    Row(f"{degradation.WHAT}, 112x112, GPU: time", "a copy of the batch", [], [], "ms", "cost"),
    Row(f"{degradation.WHAT}, 112x112, GPU: time", "a training step of IR-50, bf16", [], [], "ms", "cost", 0.05),
    Row(f"{pipeline.WHAT}, GPU", "what IR-50 bf16 channels_last training consumes", [], [], "images/s", "rate", 1.0),
    Row("IR-50 training, bf16, channels_last, torch.compile, GPU", "without torch.compile", [], [], "images/s", "rate"),
)


def benchmark(quick: bool) -> list[Row]:
    """The rows on the GPU."""
    if not torch.cuda.is_available():
        return list(PLANNED_ROWS)
    if quick:
        head_rows = heads.rows(heads.QUICK_TARGETS, batch=128, rounds=2, device="cuda")
        octuplet_rows = [*octuplet.rows({64: 1.0}, rounds=2, device="cuda"), octuplet.share_of_step(device="cuda")]
        return [
            *head_rows,
            *octuplet_rows,
            *queue.rows({2_000: 8.0}, rounds=2, device="cuda"),
            qgface.row(batch=32, rounds=2, device="cuda", bf16=True),
            *augmentation.gpu_rows((128,), rounds=3),
            *degradation.gpu_rows(64, rounds=3),
            *training.rows(batch=32, rounds=2),
        ]
    head_rows = heads.rows(rounds=9, device="cuda")
    share = octuplet.share_of_step(IResNet, "IR-50", batch=64, device="cuda")
    return [
        *head_rows,
        *octuplet.rows(device="cuda"),
        share,
        *queue.rows(device="cuda"),
        qgface.row(lambda: IResNet(34), "IR-34", batch=256, device="cuda", bf16=True),
        *augmentation.gpu_rows(),
        *degradation.gpu_rows(),
        *pipeline.gpu_rows(),
        *training.rows(),
    ]
