"""The mark that every run of the engine leaves in its folder: what it depends on, and how it ended."""

import json
from pathlib import Path
from typing import Any

from facequal.reports.results import write_atomically

MARK = "study_run.json"


def read_mark(folder: Path) -> dict[str, Any]:
    """Return what the engine noted in the folder of a run; empty where it has not made the folder.

    Returns:
        `row`, `seed` and `digest` from the start; `seconds` at its end, with `error` if it failed, and otherwise with
        `made`, the time in ns, `needs`, when what it was made from was made, and `value`, the figure of a sweep.
    """
    mark = folder / MARK
    content: dict[str, Any] = json.loads(mark.read_text()) if mark.is_file() else {}
    return content


def write_mark(folder: Path, content: dict[str, Any]) -> None:
    """Write the mark of the run in a folder; what it holds is told at `read_mark`."""
    write_atomically(folder / MARK, json.dumps(content) + "\n")


def made_at(folder: Path) -> int | None:
    """Return when the run in a folder came to its end, in ns; None if it has not."""
    made: int | None = read_mark(folder).get("made")
    return made
