"""Onefunnel's published language and plumbing, shared by the five services."""
