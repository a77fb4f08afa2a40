"""How scoring remembers: tables, repositories and views on PostgreSQL."""
