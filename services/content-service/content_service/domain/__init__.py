"""What may happen to assets, views and feedback: pure rules."""
