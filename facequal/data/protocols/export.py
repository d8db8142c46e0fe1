"""Restoration sets written as files, for other programs."""

from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import default_collate

from facequal.data.protocols.restoration import DegradedSet
from facequal.data.sources.images import encode_png

MANIFEST = "manifest.csv"
_BATCH_SIZE = 64


def export_suite(protocol: DegradedSet, folder: Path) -> Path:
    """Write `clean/<image>.png`, `lq/<image>_<row>.png` and the manifest, which is written last.

    Args:
        protocol: The set.
        folder: The folder to write to; made if needed.

    Returns:
        The path of `manifest.csv`: for each picture its files, where its image is from, its row and all drawn values.

    Raises:
        FileExistsError: If the folder holds a manifest already.
    """
    import pandas as pd

    manifest = folder / MANIFEST
    if manifest.exists():
        raise FileExistsError(f"{manifest} exists already: choose another folder")
    (folder / "clean").mkdir(parents=True, exist_ok=True)
    (folder / "lq").mkdir(exist_ok=True)
    lines = []
    for start in range(0, len(protocol.images), _BATCH_SIZE):
        items = [protocol.images[index] for index in range(start, min(start + _BATCH_SIZE, len(protocol.images)))]
        batch = protocol.views(default_collate(items), [])
        pictures = batch["lq"].mul(255.0).round_().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
        for position, item in enumerate(items):
            number, row = divmod(item["index"], protocol.num_rows)
            clean, degraded = f"clean/{number:04d}.png", f"lq/{number:04d}_{row:04d}.png"
            if row == 0:
                encode_png(folder / clean, item["image"].permute(1, 2, 0).contiguous().numpy())
            encode_png(folder / degraded, pictures[position])
            values = {name: _written(drawn[position]) for name, drawn in batch["degradation"].items()}
            source = protocol.images.describe(item["index"])
            lines.append({"lq": degraded, "clean": clean, "source": source, "row": row, **values})
    pd.DataFrame(lines).to_csv(manifest, index=False, lineterminator="\n")
    return manifest


def _written(drawn: Tensor) -> str:
    """Return a drawn value with the digits of its dtype: 0.1, not 0.10000000149011612."""
    return str(drawn.numpy()) if drawn.ndim == 0 else " ".join(str(value) for value in drawn.numpy())
