"""What can be wrong with data: errors where it is read, and problems that a check collects."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


class DataError(ValueError):
    """Data on disk that cannot be used as it is; the message names the file and the key, line or offset."""


class ImageReadError(DataError):
    """An image that is missing, empty, truncated, corrupt, or of a kind without a defined 8-bit form."""


class RecordError(DataError):
    """A record set (.rec, .idx) whose bytes do not follow the format."""


class DatasetError(DataError):
    """A folder or a list of identities that does not follow its layout."""


class PairsError(DataError):
    """A verification set (pairs.txt, .bin) that does not follow its format."""


class ForeignPickleError(DataError):
    """A pickle that asks for anything but bytes, lists, bools, integers and numpy arrays of these."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding of a check.

    Attributes:
        severity: `error`: training or evaluation would stop there; `warning`: it would run, but the figures are in
            doubt; `note`: worth knowing.
        where: The file, with record key and offset or line number where there is one.
        what: What is wrong there.
    """

    severity: Severity
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.what}"


def raise_errors(problems: Sequence[Problem], error_type: type[DataError]) -> None:
    """Raise the first error among problems, with the number of the others; do nothing where there is none.

    Args:
        problems: What a check has found.
        error_type: The error to raise.

    Raises:
        DataError: If there is a problem of severity `error`; it is of `error_type`.

    Example:
        >>> problems = [Problem("note", "a.rec", "2 images are grey"), Problem("error", "b.png", "zero bytes")]
        >>> raise_errors(problems, ImageReadError)
        Traceback (most recent call last):
        ...
        facequal.data.errors.ImageReadError: b.png: zero bytes
    """
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        others = f" (and {len(errors) - 1} more; `facequal check-data` lists them)" if len(errors) > 1 else ""
        raise error_type(f"{errors[0].where}: {errors[0].what}{others}")
