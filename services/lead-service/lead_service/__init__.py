"""Leads, deals, people, campaigns: what marketing and sales work on."""
