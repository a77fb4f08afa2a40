"""The shared qualified-lead definition, scores, and ratings by both sides."""
