"""Migrations of the event log's own database."""
