"""Tests of the whole, and its figures."""
