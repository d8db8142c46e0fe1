"""The page as a whole."""

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from facequal import __version__
from facequal.reports.notes import Notes
from facequal.reports.page.curves import line_styles
from facequal.reports.page.figures import ProtocolTable, protocol_tables
from facequal.reports.page.html import Html, bullets, element
from facequal.reports.page.overview import config_differences, config_section, hardware_section, runs_section
from facequal.reports.page.reading import Run
from facequal.reports.page.results import resolution_section, roc_section, tables_section
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
    return write_atomically(folder / PAGE_FILE, page(runs, notes))


def page(runs: Sequence[Run], notes: Notes) -> Html:
    """Return the HTML of `write_page`."""
    found = sections_of(runs, notes)
    # The notes are complete once all else is made.
    found = {"Runs": found.pop("Runs"), "Notes": _notes(notes), **found}
    title = f"Comparison of {len(runs)} runs" if len(runs) > 1 else f"Report of {runs[0].name}"
    made = f"Made on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC by facequal {__version__}."
    links = [element("a", name, href=f"#{_anchor(name)}") for name in found]
    body = [
        element("h1", title),
        element("p", made, class_="soft"),
        element("nav", bullets(links), aria_label="Contents"),
        *[element("section", element("h2", name, id=_anchor(name)), content) for name, content in found.items()],
    ]
    head = [
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Html("\n" + (files(__package__) / "style.css").read_text(encoding="utf-8"))),
    ]
    whole = element("html", element("head", *head), element("body", element("main", *body)), lang="en")
    return Html(f"<!DOCTYPE html>\n{whole}\n")


def sections_of(runs: Sequence[Run], notes: Notes) -> dict[str, Html]:
    """Return the sections by their headings, without those that have nothing to show."""
    tables = protocol_tables(runs, notes)
    styles = line_styles([run.name for run in runs])
    differing = config_differences(runs)
    _note_sets(runs, tables, notes)
    sections = {
        "Runs": runs_section(runs),
        "Results": tables_section(runs, tables) if tables else Html(""),
        "Resolution": resolution_section(tables, styles),
        "ROC curves": roc_section(runs, styles),
        "Feature norms": norms_section(runs, tables, styles, notes),
        "Gradient scaling": scaling_section(runs, notes),
        "Pictures": pictures_section(runs, notes),
        "Configuration": config_section(runs, differing),
        "Hardware and versions": hardware_section(runs),
    }
    return {name: content for name, content in sections.items() if content}


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


def _notes(notes: Notes) -> Html:
    return bullets(notes) if len(notes) else element("p", "Nothing is missing.")


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")
