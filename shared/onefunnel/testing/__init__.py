"""What tests of every distribution share."""
