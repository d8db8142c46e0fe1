"""AdaFace's head against a softmax without margin and against AdaFace on dense matrices: time and memory."""

from collections.abc import Callable, Mapping

import torch

from experiments.benchmarks.head_memory import head_memory_mb
from experiments.benchmarks.head_steps import ADAFACE, DENSE, PLAIN, head_steps
from experiments.benchmarks.rows import Row
from experiments.benchmarks.timing import interleaved

# Numbers of identities (VGGFace2, and about MS1MV2), and how much longer than plain softmax the head may take.
TIME_TARGETS = {8_631: 1.25, 87_000: 1.10}
QUICK_TARGETS = {1_000: 1.25, 4_000: 1.10}
MEMORY_TARGET = 1.10
SPEED_UP_TARGET = 1.4


def benchmark(quick: bool) -> list[Row]:
    """Return the rows on the CPU."""
    if quick:
        return rows(QUICK_TARGETS, batch=128, rounds=2)
    return rows(TIME_TARGETS)


def rows(
    time_targets: Mapping[int, float] = TIME_TARGETS,
    batch: int = 512,
    embedding_dim: int = 512,
    rounds: int = 5,
    device: str = "cpu",
) -> list[Row]:
    """Time and peak memory for each number of identities.

    Args:
        time_targets: Numbers of identities C, ascending, with the target of the time.
        batch: Number B of embeddings.
        embedding_dim: Their length D.
        rounds: Rounds of timing at the largest C; the others, whose steps are short, get more.
        device: "cpu" or "cuda".
    """
    found = []
    if device == "cuda":
        head_steps(64, 64, embedding_dim, device)[PLAIN]()  # cuBLAS allocates its workspace, which is nobody's share
    for num_classes, target in time_targets.items():
        last = num_classes == max(time_targets)
        steps = head_steps(num_classes, batch, embedding_dim, device)
        if device == "cuda":
            memory = _cuda_memory_mb(steps)
        else:
            memory = {name: head_memory_mb(name, num_classes, batch, embedding_dim) for name in steps}
        # A step of the last size takes seconds, and the sizes before it have warmed up all there is.
        seconds = interleaved(steps, rounds if last else 2 * rounds + 1, device, warm_up=not last or device == "cuda")
        what = f"AdaFace head, forward+backward, B={batch}, D={embedding_dim}, C={num_classes:,}"
        found += _rows_of_one_size(what + (", GPU" if device == "cuda" else ""), seconds, memory, target)
    return found


def _rows_of_one_size(
    what: str, seconds: Mapping[str, list[float]], memory: Mapping[str, float], time_target: float
) -> list[Row]:
    plain, dense = "normalised softmax without margin", "AdaFace on dense one-hot matrices"
    ours_mb = [memory[ADAFACE]]
    return [
        Row(f"{what}: time", plain, seconds[ADAFACE], seconds[PLAIN], "s", "cost", time_target),
        Row(f"{what}: time", dense, seconds[ADAFACE], seconds[DENSE], "s", "speed-up", SPEED_UP_TARGET),
        Row(f"{what}: peak memory", plain, ours_mb, [memory[PLAIN]], "MB", "cost", MEMORY_TARGET),
        Row(f"{what}: peak memory", dense, ours_mb, [memory[DENSE]], "MB", "cost"),
    ]


def _cuda_memory_mb(steps: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Memory that each step allocates at its highest beyond the inputs and class weights, in MB."""
    inputs, peaks = torch.cuda.memory_allocated(), {}
    for name, step in steps.items():
        torch.cuda.reset_peak_memory_stats()
        step()
        peaks[name] = (torch.cuda.max_memory_allocated() - inputs) / 1e6
    return peaks
