"""What every service's HTTP has in common: problems, principals, strict bodies, writes, pages."""
