"""Run the notebooks and write them with their outputs: `python notebooks/execute.py [NAME ...]`."""

import sys
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent
SECONDS = 1800  # of a cell: that of a study
# Times and the like, which would differ from one run to the next.
LEFT_OUT = ("execution",)


def sources() -> list[Path]:
    """Return the notebooks' scripts."""
    return sorted(path for path in FOLDER.glob("*.py") if path.read_text(encoding="utf-8").startswith("# ---\n"))


def execute(script: Path) -> Any:
    """Return the notebook of a script, with its outputs.

    Raises:
        CellExecutionError: a cell failed.
    """
    notebook = jupytext.read(script)
    NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(FOLDER)}}).execute()
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        for name in LEFT_OUT:
            cell.metadata.pop(name, None)
    return notebook


def main(names: list[str]) -> None:
    """Execute the named notebooks, or all."""
    for script in sources():
        if not names or script.stem in names:
            nbformat.write(execute(script), script.with_suffix(".ipynb"))
            print(f"{script.stem}: {script.with_suffix('.ipynb').stat().st_size // 1024} KiB", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
