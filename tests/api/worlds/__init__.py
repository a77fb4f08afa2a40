"""Random companies, and what everybody in them must see: said by code that shares nothing with the product."""
