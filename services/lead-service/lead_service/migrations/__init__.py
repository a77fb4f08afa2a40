"""The schema of the lead service, revision by revision."""
