"""The funnel and the pay ledger, folded from every event."""
