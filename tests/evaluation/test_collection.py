from types import SimpleNamespace
from typing import Any

import pytest
import torch

from facequal.evaluation.collection import OutputCollector, drop_repeats, split_views

ONE_RANK: Any = SimpleNamespace(world_size=1)


def output(index: list[int], view: list[int]) -> dict[str, torch.Tensor]:
    # The embedding tells image and view apart, the third number the batch it came from.
    rows = [[float(i), float(v), float(n)] for n, (i, v) in enumerate(zip(index, view, strict=True))]
    embedding = torch.tensor(rows, dtype=torch.bfloat16)
    return {
        "embedding": embedding,
        "norm": 10 * torch.tensor(index, dtype=torch.bfloat16)[:, None],
        "index": torch.tensor(index),
        "view": torch.tensor(view),
    }


def test_rows_come_back_sorted_and_once() -> None:
    collector = OutputCollector()
    collector.add(output([2, 0, 2, 0], [7, 7, 112, 112]))
    collector.add(output([1, 0, 1, 0], [7, 7, 112, 112]))  # image 0 fills up an uneven split
    rows = collector.gather(ONE_RANK)
    assert rows["index"].tolist() == [0, 1, 2, 0, 1, 2]
    assert rows["view"].tolist() == [7] * 3 + [112] * 3
    assert rows["embedding"].dtype == torch.float32
    assert rows["embedding"][:, 0].tolist() == [0, 1, 2, 0, 1, 2]
    views = split_views(rows, 3, "set")
    assert sorted(views.embeddings) == sorted(views.norms) == [7, 112]
    assert views.embeddings[112][:, 1].tolist() == [112] * 3
    assert views.norms[7].tolist() == [0, 10, 20]


def test_first_of_the_repeats_is_kept() -> None:
    rows = {"index": torch.tensor([1, 1, 0]), "value": torch.tensor([10, 11, 12])}
    assert drop_repeats(rows)["value"].tolist() == [12, 10]


def test_missing_images_are_counted() -> None:
    collector = OutputCollector()
    collector.add(output([0, 2], [7, 7]))
    with pytest.raises(ValueError, match="my set: 2 of 3 images were embedded at 7 px"):
        split_views(collector.gather(ONE_RANK), 3, "my set")


def test_no_batches() -> None:
    with pytest.raises(ValueError, match="no batch was evaluated"):
        OutputCollector().gather(ONE_RANK)
