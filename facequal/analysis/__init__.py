"""What pictures, notebooks and reports show."""

from typing import TYPE_CHECKING

from facequal.names import lazy_names

if TYPE_CHECKING:
    from facequal.analysis.embedding import embed_faces as embed_faces
    from facequal.analysis.embedding import similarities_by_resolution as similarities_by_resolution
    from facequal.analysis.gst import GradientScaling as GradientScaling
    from facequal.analysis.gst import published_scalings as published_scalings
    from facequal.analysis.gst import scaling_map as scaling_map
    from facequal.analysis.gst_drawings import draw_scaling_maps as draw_scaling_maps
    from facequal.analysis.norm_drawings import draw_correlations as draw_correlations
    from facequal.analysis.norm_drawings import draw_scatter as draw_scatter
    from facequal.analysis.norm_drawings import draw_trajectories as draw_trajectories
    from facequal.analysis.norms import quality_correlations as quality_correlations
    from facequal.analysis.norms import read_samples as read_samples
    from facequal.analysis.quality import score_folder as score_folder
    from facequal.analysis.similarities import draw_error_versus_reject as draw_error_versus_reject
    from facequal.analysis.similarities import draw_partition as draw_partition
    from facequal.analysis.similarities import draw_similarities as draw_similarities
    from facequal.analysis.similarities import error_versus_reject as error_versus_reject
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__, __file__)
