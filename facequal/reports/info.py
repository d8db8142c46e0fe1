"""Where results come from: configuration, seed, checkpoint, versions and hardware of a run."""

import json
import os
import platform
import shlex
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch


@dataclass(frozen=True)
class RunInfo:
    """Where results come from.

    Attributes:
        config_hash: Hash of the whole configuration, which tells configurations apart; None without one.
        seed: Seed of the run.
        date: ISO 8601, in UTC.
        command: The command line.
        checkpoint: Path of the evaluated checkpoint.
        versions: Version of each package by its name, and of Python.
        hardware: Processor and GPUs.
    """

    config_hash: str | None = None
    seed: int | None = None
    date: str = ""
    command: str = ""
    checkpoint: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    hardware: str = ""

    @classmethod
    def collect(
        cls, config_hash: str | None = None, seed: int | None = None, checkpoint: str | None = None
    ) -> "RunInfo":
        """Describe this process: the date is now, versions and hardware are those it runs with.

        Args:
            config_hash: Hash of the whole configuration.
            seed: Seed of the run.
            checkpoint: Path of the evaluated checkpoint.
        """
        versions = {name: version(name) for name in ("facequal", "torch", "lightning")}
        versions["python"] = platform.python_version()
        date = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(config_hash, seed, date, shlex.join(sys.argv), checkpoint, versions, hardware())


def read_run_info(path: Path) -> tuple[Mapping[str, object], tuple[str, ...]]:
    """Return what a `results.json` tells of the run, and the test sets that were left out; both empty without the file.

    Raises:
        ValueError: If it is no such file; names it.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, ()
    except ValueError as error:  # covers text that is no UTF-8
        raise ValueError(f"{path}: not JSON: {error}") from error
    run = content.get("run") if isinstance(content, dict) else None
    if not isinstance(run, dict):
        raise ValueError(f"{path}: no entry 'run', so it is not the results.json of a report")
    return run, tuple(map(str, content.get("left_out") or ()))


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
