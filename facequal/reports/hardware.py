"""What a process runs on."""

import os
import platform
import sys
from collections import Counter
from pathlib import Path

import torch


def hardware() -> str:
    """Return processor, its number of cores and the GPUs that this process sees.

    Such as `AMD EPYC 7763, 2 cores; no GPU`.
    """
    return f"{cpu_model()}, {os.cpu_count()} cores; {gpu_models() or 'no GPU'}"


def cpu_model() -> str:
    """Name of the processor."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def gpu_models() -> str:
    """Return names of the GPUs with their numbers and the version of CUDA; nothing without one."""
    if not torch.cuda.is_available():
        return ""
    names = Counter(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count()))
    counted = [f"{num} x {name}" if num > 1 else name for name, num in names.items()]
    return ", ".join([*counted, f"CUDA {torch.version.cuda}"])
