"""What the facts add up to: pure functions, no I/O, no clock."""
