"""How the gateway talks: one front door for every path."""
