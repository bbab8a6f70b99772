"""Before against after, one against another."""
