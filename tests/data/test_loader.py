import pytest

from facequal.data.loader import FaceLoader
from tests.sources import people


@pytest.mark.parametrize("persistent", [False, True])
def test_workers_end_when_the_iterator_is_dropped(persistent: bool) -> None:
    loader = FaceLoader(people(5, 4), batch_size=4, num_workers=2, persistent_workers=persistent)
    held = iter(loader)  # something else still refers to it, as a cycle would until it is collected
    next(held)
    assert all(worker.is_alive() for worker in held._workers)
    loader._iterator = None  # what Lightning does after a run
    assert not any(worker.is_alive() for worker in held._workers)
