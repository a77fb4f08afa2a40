"""What may happen to leads, deals, people, campaigns and funnels: pure values and transitions."""
