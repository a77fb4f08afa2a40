"""How the library remembers: tables, repositories and views on PostgreSQL."""
