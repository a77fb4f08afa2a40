"""How each CRM proves that a request is its own, and what it says in it: pure functions, one module a vendor."""
