"""How the library talks: HTTP."""
