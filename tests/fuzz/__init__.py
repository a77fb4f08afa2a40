"""Bytes that nobody meant, thrown at everything that reads bytes: functions, not HTTP."""
