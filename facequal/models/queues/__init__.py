"""Queues of embeddings of past batches, the negatives of contrastive losses, and the encoder that fills one of them."""

from facequal.models.queues.base import FeatureQueue
from facequal.models.queues.momentum import MomentumQueue
from facequal.models.queues.momentum_encoder import MomentumEncoder
from facequal.models.queues.proxy import ProxyUpdatedQueue

__all__ = ["FeatureQueue", "MomentumEncoder", "MomentumQueue", "ProxyUpdatedQueue"]
