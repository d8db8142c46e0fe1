"""NASFE: encoders for blur, noise and low light, a fusion that is searched, a decoder; and the search space."""
