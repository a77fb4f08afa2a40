"""What a user or another service may ask of scoring."""
