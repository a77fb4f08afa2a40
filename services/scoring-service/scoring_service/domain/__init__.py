"""What may happen to definitions, scores and ratings: pure rules."""
