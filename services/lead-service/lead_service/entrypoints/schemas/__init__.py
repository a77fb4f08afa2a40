"""What bodies look like, and how they become commands."""
