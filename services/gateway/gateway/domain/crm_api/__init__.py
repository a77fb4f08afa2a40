"""How each CRM is asked for its records: pure functions, one module a vendor. What goes out is a `Call`."""
