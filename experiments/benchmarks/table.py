"""The table of results in Markdown, with what it needs to be read by others."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from experiments.benchmarks.rows import Row
from facequal.reports.info import cpu_model, gpu_models

PACKAGES = ("torch", "numpy", "opencv-python-headless", "pillow", "albumentations", "lightning")
COLUMNS = ("what", "against", "ours", "theirs", "ratio", "target", "met")
METHOD = """\
Alternatives run in turns within one process, on one thread. Values are medians of several rounds; the ratio is the
median of the rounds' ratios, with their range behind it. Seconds on the CPU are those of the processor, so that waiting
for a busy core does not count; on a GPU they are those that pass until it has finished. Ratios of times and memory are
ours / theirs where the target is an upper bound, theirs / ours where it is a lower one (times as fast); ratios of rates
are ours / theirs. Peak memory is the kernel's high-water mark of a fresh process (VmHWM, set back before the step) over
what was resident before the step (libraries, inputs, class weights)."""


def write_table(path: Path, rows: Sequence[Row], command: str, load: float | None, seconds: float) -> None:
    """Write the table.

    Args:
        path: The Markdown file.
        rows: Its lines.
        command: The command that made it.
        load: Load average of the minute before, or None where the system has none.
        seconds: How long it took.
    """
    facts = {
        "command": f"`{command}`, {seconds:.0f} s",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "CPU": f"{cpu_model()}, 1 thread",
        "load before the run": "unknown" if load is None else f"{load:.2f}{' (a busy machine)' if load > 1 else ''}",
        "GPU": gpu_models() or "not run",
        "versions": ", ".join(
            [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in PACKAGES)]
        ),
    }
    lines = ["# Benchmarks", "", *(f"- {name}: {fact}" for name, fact in facts.items()), "", METHOD, ""]
    lines += [_line(COLUMNS), _line(["---"] * len(COLUMNS)), *(_line(row.cells()) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
