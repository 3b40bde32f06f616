"""composegen: one stack file, gated on real health, with proven fallbacks."""

__version__ = "0.1.0"
