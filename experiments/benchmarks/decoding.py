"""Reading of records and decoding of their JPEGs against the decoder alone."""

import tempfile
from pathlib import Path

import cv2
import numpy as np

from experiments.benchmarks.face_records import write_faces
from experiments.benchmarks.rows import Row, rates
from experiments.benchmarks.timing import interleaved

RATE_TARGET = 0.9


def benchmark(quick: bool) -> list[Row]:
    """Return the rows, on one core."""
    return rows(num_images=64, rounds=3) if quick else rows(num_images=512, rounds=15)


def rows(num_images: int, rounds: int) -> list[Row]:
    """Images in shuffled order, as in training: decoded from the record set, and from bytes in memory."""
    with tempfile.TemporaryDirectory() as folder:
        records = write_faces(Path(folder), num_images)
        order = np.random.default_rng(0).permutation(num_images).tolist()
        encoded = [records.images.read(index) for index in order]
        seconds = interleaved(
            {
                "read": lambda: [records.read_image(index) for index in order],
                "item": lambda: [records[index] for index in order],
                "bare": lambda: [cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) for data in encoded],
            },
            rounds,
        )
    read, item, bare = (rates(values, num_images) for values in seconds.values())
    size = sum(map(len, encoded)) / num_images / 1e3
    against = f"bare cv2.imdecode of the same bytes in memory (112x112 JPEGs, quality 95, {size:.1f} kB)"
    return [
        Row("record reading + JPEG decoding", against, read, bare, "images/s", "rate", RATE_TARGET),
        Row("the same as an item of RecordDataset (tensor, label)", against, item, bare, "images/s", "rate"),
    ]
