"""Properties are tried without a deadline for each example: a busy machine is no counterexample."""

from hypothesis import settings

settings.register_profile("onefunnel", deadline=None)
settings.load_profile("onefunnel")
