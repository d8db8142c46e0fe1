"""How experiments are run: one, or a study of many."""

from typing import TYPE_CHECKING

from facequal.names import lazy_names

if TYPE_CHECKING:
    from facequal.engine.lightning import FaceQualCLI as FaceQualCLI
    from facequal.engine.study_file import read_study as read_study
    from facequal.engine.sweep_file import read_sweep as read_sweep
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__, __file__)
