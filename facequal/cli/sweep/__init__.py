"""`facequal sweep`: the points of a W&B sweep on this machine, without an account."""
