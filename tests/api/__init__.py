"""The API as others meet it: its contract, its clients, and what it makes of bad input."""
