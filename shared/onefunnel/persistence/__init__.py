"""PostgreSQL: connections, tenants, roles, migrations and a server of our own."""
