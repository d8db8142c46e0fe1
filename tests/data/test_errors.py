import pickle

import pytest

from facequal.data.errors import (
    DataError,
    DatasetError,
    ForeignPickleError,
    ImageReadError,
    PairsError,
    Problem,
    RecordError,
    raise_errors,
)


def test_the_first_error_is_raised_with_the_number_of_the_others():
    note, warning = Problem("note", "a", "grey"), Problem("warning", "b", "twice")
    raise_errors([note, warning], RecordError)
    first, second = Problem("error", "c", "zero bytes"), Problem("error", "d", "truncated")
    with pytest.raises(RecordError, match=r"^c: zero bytes$"):
        raise_errors([note, first], RecordError)
    with pytest.raises(PairsError, match=r"^c: zero bytes \(and 1 more; `facequal check-data` lists them\)$"):
        raise_errors([first, warning, second], PairsError)
    assert str(second) == "error: d: truncated"


@pytest.mark.parametrize("error_type", [ImageReadError, RecordError, DatasetError, PairsError, ForeignPickleError])
def test_errors_can_be_raised_again_by_a_loader(error_type):
    # a worker's error reaches the training process as its type and one text
    error = error_type("people/a/x.png: zero bytes")
    assert str(type(error)(str(error))) == "people/a/x.png: zero bytes"
    assert str(pickle.loads(pickle.dumps(error))) == "people/a/x.png: zero bytes"
    assert isinstance(error, DataError)
    assert isinstance(error, ValueError)
