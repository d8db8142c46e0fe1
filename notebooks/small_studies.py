"""The runs that the notebooks show: those on disk, or small ones made on the spot."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from facequal.engine.study_file import StudyRow

ROOT = Path(__file__).resolve().parents[1]
RUNS = Path(os.environ.get("FACEQUAL_NOTEBOOK_RUNS", ROOT / "runs"))


def study_folder(folder: str, file: str, *rows: str, small: tuple[str, ...] = ()) -> Path:
    """Return the folder of a study, from the folder `runs`; where it has not been run, a small one of one seed.

    Args:
        folder: of the study, in `runs`.
        file: of the study, in ``experiments``.
        rows: that are shown.
        small: further options that make the small one small.

    Returns:
        A folder with all rows: see `row_folder`.

    Raises:
        RuntimeError: the small study failed; the message is the end of what it printed.
    """
    given = RUNS / folder
    if all((row_folder(given, row) / "report" / "results.csv").is_file() for row in rows):
        print(f"shown: runs/{folder}")
        return given
    # Another setting is another folder.
    digest = hashlib.sha256("\n".join((file, *rows, *small)).encode()).hexdigest()[:8]
    made = RUNS / "notebooks" / f"{folder.replace('/', '_')}_{digest}"
    command = [sys.executable, "-m", "facequal", "study", f"experiments/{file}", "--only", *rows, "--seeds", "1"]
    command += ["--folder", str(made), *small]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[2:])} failed:\n{(done.stdout + done.stderr)[-2000:]}")
    print(f"shown: a small study, since there is no runs/{folder}")
    return made


def norms_study() -> Path:
    """Return the study of norms under AdaFace and ArcFace, which two notebooks show."""
    small = ("--trainer.max_epochs=4", "--data.train.init_args.num_identities=60", "--data.resolutions_px=[7,112]")
    return study_folder("studies/norms", "demo/norms.yaml", "AdaFace", "ArcFace", small=small)


def row_folder(study: Path, row: str) -> Path:
    """Return the run of a row with the first seed."""
    return study / "rows" / StudyRow(row, study).folder_name / "seed_0"
