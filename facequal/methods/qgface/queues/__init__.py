"""Queues of embeddings of past batches, the negatives of contrastive losses, and the encoder that fills one of them."""

from facequal.methods.qgface.queues.base import FeatureQueue
from facequal.methods.qgface.queues.momentum import MomentumQueue
from facequal.methods.qgface.queues.momentum_encoder import MomentumEncoder
from facequal.methods.qgface.queues.proxy import ProxyUpdatedQueue

__all__ = ["FeatureQueue", "MomentumEncoder", "MomentumQueue", "ProxyUpdatedQueue"]
