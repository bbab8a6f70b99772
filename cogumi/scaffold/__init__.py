"""A plugin of one's own, complete from the start."""
