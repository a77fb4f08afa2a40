"""What a user can ask of metrics-service: commands about pay, queries about everything."""
