"""Gates and verdict: what both diagnoses of a run come to, and what to do next."""
