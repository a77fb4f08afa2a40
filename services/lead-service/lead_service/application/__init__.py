"""What a user can ask: commands that change something, queries that do not, reactions to events."""
