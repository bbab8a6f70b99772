"""The stages of a run, its folder, its manifest."""
