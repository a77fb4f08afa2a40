"""How the command talks: data on stdout, talk on stderr, errors with cause, help and code."""
