"""What a user or another service may ask of the library."""
