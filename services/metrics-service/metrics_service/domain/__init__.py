"""The aggregates of pay: what may happen to plans, assignments, quotas, periods, adjustments."""
