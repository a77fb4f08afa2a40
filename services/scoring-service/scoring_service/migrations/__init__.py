"""The database of scoring-service, step by step."""
