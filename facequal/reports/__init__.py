"""What finished runs have left: results, tables, pictures, and one page of them."""

from typing import TYPE_CHECKING

from facequal.names import lazy_names

if TYPE_CHECKING:
    from facequal.reports.info import RunInfo as RunInfo
    from facequal.reports.info import read_run_info as read_run_info
    from facequal.reports.results import Result as Result
    from facequal.reports.results import read_results as read_results
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__, __file__)
