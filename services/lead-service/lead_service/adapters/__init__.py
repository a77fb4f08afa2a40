"""How the lead service remembers: PostgreSQL tables and what reads and writes them."""
