"""The loader of all data: torchdata's, whose position in an epoch goes into checkpoints."""

import warnings
from typing import Any

import torch
from torchdata.stateful_dataloader import StatefulDataLoader


class FaceLoader(StatefulDataLoader[dict[str, Any]]):  # type: ignore[misc]  # torchdata is untyped
    """`StatefulDataLoader` without the warning of a call that torchdata 0.11 makes and torch 2.15 deprecates.

    A class, because Lightning builds a loader again where it needs another sampler.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="'set_vital' is deprecated")
            super().__init__(*args, **kwargs)


def one_thread(worker: int) -> None:
    """Keep a worker to one core: OpenCV and torch would each start a thread per core otherwise."""
    import cv2

    cv2.setNumThreads(0)
    torch.set_num_threads(1)
