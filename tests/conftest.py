import os
from collections.abc import Iterator

import pytest

# As `make test` has it, for those who call pytest by itself: before torch is imported, and in the processes of tests.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep rendered faces of the tests out of the user's cache, and in the processes that tests start too."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["XDG_CACHE_HOME"]
    else:
        os.environ["XDG_CACHE_HOME"] = before


@pytest.fixture(autouse=True)
def own_global_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`seed_everything` leaves its seed in the environment; no test may depend on the one before."""
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)
