"""Seeded simulation: one statement at a time, the next connection and the next fault chosen by a seed."""
