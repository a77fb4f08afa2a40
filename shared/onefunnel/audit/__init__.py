"""The audit: who changed what, committed with the change, chained so that nobody can alter it unseen."""
