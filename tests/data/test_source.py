import pytest

from facequal.data.source import require_source
from tests.sources import people


def test_a_source_is_returned_as_it_is():
    source = people()
    assert require_source(source, "data.train") is source


def test_what_is_missing_is_named():
    class Half:
        labels, num_classes = [0], 1

        def __len__(self) -> int:
            return 1

    message = r"data\.train: .*Half is no data set of faces, it lacks classes, describe, __getitem__$"
    with pytest.raises(TypeError, match=message):
        require_source(Half(), "data.train")
