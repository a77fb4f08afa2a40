"""How metrics-service remembers: tables, repositories, and views straight from SQL."""
