"""The vault: personal data, sealed under a key per person, so that destroying the key destroys it."""
