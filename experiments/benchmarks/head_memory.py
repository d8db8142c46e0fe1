"""Peak memory of one head step, in a process of its own: `python -m experiments.benchmarks.head_memory NAME C B D`."""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]


def head_memory_mb(name: str, num_classes: int, batch: int, embedding_dim: int) -> float:
    """Memory that a step of that formulation needs beyond its inputs and class weights, in MB (10^6 bytes).

    A fresh process does one small step, so that the libraries are loaded, makes inputs and weights, sets the kernel's
    high-water mark of its resident memory back, does the step, and reads the mark. The mark is VmHWM and not ru_maxrss,
    which cannot be set back and begins with the parent's. Blocks above 1 MB go straight back to the system when they
    are freed, so that nothing kept from the set-up hides what the step takes.

    Args:
        name: One of the names of `head_steps`.
        num_classes: Number C of identities.
        batch: Number B of embeddings.
        embedding_dim: Their length D.

    Raises:
        subprocess.CalledProcessError: The process failed; on systems other than Linux it does.
    """
    arguments = [name, *map(str, (num_classes, batch, embedding_dim))]
    done = subprocess.run(
        [sys.executable, "-m", "experiments.benchmarks.head_memory", *arguments],
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000", "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return int(done.stdout) / 1e6


def peak_growth(action: Callable[[], object]) -> int:
    """Bytes by which the resident memory of this process rose at its highest while `action` ran (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")  # sets the mark to what is resident now
    before = _high_water_mark()
    action()
    return _high_water_mark() - before


def _high_water_mark() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _main() -> None:
    from experiments.benchmarks.head_steps import head_steps

    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("sizes", type=int, nargs=3)
    arguments = parser.parse_args()
    num_classes, batch, embedding_dim = arguments.sizes
    head_steps(64, 64, embedding_dim)[arguments.name]()
    print(peak_growth(head_steps(num_classes, batch, embedding_dim)[arguments.name]))


if __name__ == "__main__":
    _main()
