"""The page as a whole."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from facequal import __version__
from facequal.reports.notes import Notes
from facequal.reports.page.figures import ProtocolTable, protocol_tables
from facequal.reports.page.markup import environment
from facequal.reports.page.measurements import resolution_section, roc_section, tables_section
from facequal.reports.page.overview import config_differences, config_section, hardware_section, runs_section
from facequal.reports.page.panels import line_styles
from facequal.reports.page.runs import Run
from facequal.reports.page.training import norms_section, pictures_section, scaling_section
from facequal.reports.results import write_atomically

PAGE_FILE = "report.html"
_MAX_KEYS = 3  # that a note names


def write_page(folder: Path, runs: Sequence[Run], notes: Notes) -> Path:
    """Write `report.html`, one file with all its pictures and styles, into `folder`, which is made if needed.

    Args:
        folder: Where to write; a page there is replaced.
        runs: What it shows.
        notes: What was noted so far; what comes up while the page is made is added.

    Returns:
        The path of the page.
    """
    html = (
        environment()
        .get_template("page.html")
        .render(
            title=f"Comparison of {len(runs)} runs" if len(runs) > 1 else f"Report of {runs[0].name}",
            made=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            version=__version__,
            sections=sections_of(runs, notes),
        )
    )
    return write_atomically(folder / PAGE_FILE, html)


def sections_of(runs: Sequence[Run], notes: Notes) -> dict[str, dict[str, Any]]:
    """Return what the templates of the sections show, by heading, without sections that have nothing to show."""
    tables = protocol_tables(runs, notes)
    styles = line_styles([run.name for run in runs])
    differing = config_differences(runs)
    _note_sets(runs, tables, notes)
    sections = {
        "Runs": runs_section(runs),
        "Notes": {"notes": notes},  # written when all sections have added theirs
        "Results": tables_section(runs, tables),
        "Resolution": resolution_section(tables, styles),
        "ROC curves": roc_section(runs, styles),
        "Feature norms": norms_section(runs, tables, styles, notes),
        "Gradient scaling": scaling_section(runs, notes),
        "Pictures": pictures_section(runs, notes),
        "Configuration": config_section(runs, differing),
        "Hardware and versions": hardware_section(runs),
    }
    return {heading: section for heading, section in sections.items() if section}


def _note_sets(runs: Sequence[Run], tables: Sequence[ProtocolTable], notes: Notes) -> None:
    """Say where a name that several runs share may stand for other images: their test sets are configured otherwise."""
    # The size of a network rests on no images.
    groups = [(table.protocol, group) for table in tables for group in table.groups if group.num_images]
    shared: dict[tuple[str, ...], dict[str, None]] = {}
    for protocol, group in groups:
        shared.setdefault(tuple(group.cells), {})[protocol] = None
    for names, protocols in shared.items():
        differing = config_differences([run for run in runs if run.name in names]).settings
        keys = [key for key in differing if key.startswith("data.test")]
        if keys:
            more = f" and {len(keys) - _MAX_KEYS} more" if len(keys) > _MAX_KEYS else ""
            notes.add(
                f"{', '.join(names)}: test sets are configured differently ({', '.join(keys[:_MAX_KEYS])}{more}), so "
                f"their figures on {', '.join(protocols)} may rest on other images"
            )
