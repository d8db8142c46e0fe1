"""What a process runs on."""

import os
import platform
import sys
from pathlib import Path

import torch


def hardware() -> str:
    """Return processor, its number of cores and the GPUs that this process sees, such as `AMD EPYC 7763, 2 cores.

    No GPU`.
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
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    counted = ", ".join(
        f"{names.count(name)} x {name}" if names.count(name) > 1 else name for name in dict.fromkeys(names)
    )
    return f"{counted}, CUDA {torch.version.cuda}"
