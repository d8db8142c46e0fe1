"""Tables of figures before and after a change, and their signed differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from facequal.reports.seeds import Change


class NotMeasuredError(ValueError):
    """The reports lack what a table or picture is made of."""


@dataclass(frozen=True)
class Section:
    """The rows before, after and delta of one set and condition; `cells` holds a change per column."""

    protocol: str
    condition: str
    cells: Mapping[str, Change]


@dataclass(frozen=True)
class ComparisonTable:
    """A table of changes.

    Attributes:
        title: What the table shows.
        columns: In the order of the table; a section may lack some.
        sections: At least one.
        notes: What the reader must know, one sentence each.
        metric: `accuracy` or `eer`, as fractions.
    """

    title: str
    columns: Sequence[str]
    sections: Sequence[Section]
    notes: Sequence[str] = ()
    metric: str = "accuracy"
