"""Sample, vote, keep."""
