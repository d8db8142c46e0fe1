"""Small batches with chosen feature norms, for the tests of running statistics."""

import torch
import torch.nn.functional as F
from torch import Tensor

DIM, CLASSES = 4, 5


def batch_of(norms: list[float], seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    embedding = F.normalize(torch.randn(len(norms), DIM, generator=generator))
    labels = torch.randint(0, CLASSES, (len(norms),), generator=generator)
    return embedding, torch.tensor(norms)[:, None], labels


NORMS = [[5.0, 9.0, 14.0, 300.0], [7.0, 8.0, 20.0], [0.0, 30.0], [12.0, 13.0, 11.0, 10.0, 9.0]]
