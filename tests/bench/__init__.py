"""Figures, not tests: `make bench` runs each beside a yardstick in the same run."""
