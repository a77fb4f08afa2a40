"""Content, shares, views, feedback and win-loss records."""
