"""Who may do what, and what a key is: values, no I/O."""
