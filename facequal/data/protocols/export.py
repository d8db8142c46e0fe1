"""Restoration sets as files: for programs that read pictures."""

import csv
from io import StringIO
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import default_collate

from facequal.data.protocols.restoration import DegradedSet
from facequal.data.sources.images import encode_png

MANIFEST = "manifest.csv"
_AT_ONCE = 64


def export_suite(protocol: DegradedSet, folder: Path) -> Path:
    """Write `clean/<image>.png`, `lq/<image>_<row>.png` and the manifest, which is written last.

    Args:
        protocol: The set.
        folder: Where to write; made if needed.

    Returns:
        The path of `manifest.csv`: per picture its files, the source's name of the image, row and every drawn value.

    Raises:
        FileExistsError: If the folder holds a manifest already.
    """
    manifest = folder / MANIFEST
    if manifest.exists():
        raise FileExistsError(f"{manifest} exists already: choose another folder")
    (folder / "clean").mkdir(parents=True, exist_ok=True)
    (folder / "lq").mkdir(exist_ok=True)
    text = StringIO()
    writer: csv.DictWriter[str] | None = None
    for start in range(0, len(protocol.images), _AT_ONCE):
        items = [protocol.images[index] for index in range(start, min(start + _AT_ONCE, len(protocol.images)))]
        batch = protocol.views(default_collate(items), [])
        pictures = batch["lq"].mul(255.0).round_().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
        for place, item in enumerate(items):
            number, row = divmod(item["index"], protocol.num_rows)
            clean, degraded = f"clean/{number:04d}.png", f"lq/{number:04d}_{row:04d}.png"
            if row == 0:
                encode_png(folder / clean, item["image"].permute(1, 2, 0).contiguous().numpy())
            encode_png(folder / degraded, pictures[place])
            values = {name: _written(drawn[place]) for name, drawn in batch["degradation"].items()}
            line = {
                "lq": degraded,
                "clean": clean,
                "source": protocol.images.describe(item["index"]),
                "row": row,
                **values,
            }
            if writer is None:
                writer = csv.DictWriter(text, list(line), lineterminator="\n")
                writer.writeheader()
            writer.writerow(line)
    manifest.write_text(text.getvalue(), encoding="utf-8")
    return manifest


def _written(drawn: Tensor) -> str:
    """Return a drawn value with as many digits as its own dtype has: .1, not 0.10000000149011612."""
    return str(drawn.numpy()) if drawn.ndim == 0 else " ".join(str(value) for value in drawn.numpy())
