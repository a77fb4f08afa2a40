"""Profiles: each module builds a frozen `Runtime`; which one is chosen once, by one setting."""
