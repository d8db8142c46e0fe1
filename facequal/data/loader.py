"""The loader of all data: torchdata's, whose position in an epoch goes into checkpoints."""

import warnings
from typing import Any

import torch
from torchdata.stateful_dataloader import StatefulDataLoader


class FaceLoader(StatefulDataLoader[dict[str, Any]]):  # type: ignore[misc]  # torchdata is untyped
    """`StatefulDataLoader` without the warning of a call that torchdata 0.11 makes and torch 2.15 deprecates.

    Its workers end as soon as a run drops its iterator. It is a class, not a function, because Lightning makes a loader
    of the same class where it needs another sampler.
    """

    _current: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="'set_vital' is deprecated")
            super().__init__(*args, **kwargs)

    @property
    def _iterator(self) -> Any:
        """The iterator that torchdata keeps."""
        return self._current

    @_iterator.setter
    def _iterator(self, iterator: Any) -> None:
        # Lightning drops the iterator after a run, and stops the workers of torch's loaders only. Those of torchdata's
        # would live on until Python collects the garbage, and then it waits 5 seconds for each of them.
        if self._current is not iterator and hasattr(self._current, "_shutdown_workers"):
            self._current._shutdown_workers()
        self._current = iterator


def one_thread(worker: int) -> None:
    """Keep a worker to one core: OpenCV and torch would each start a thread per core otherwise."""
    import cv2

    cv2.setNumThreads(0)
    torch.set_num_threads(1)
