"""What can be asked of the projections. Each module is one noun: question, rows it needs, answer."""
