"""What people are owed: exact arithmetic, rounded once."""
