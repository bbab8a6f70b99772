"""Multiple-choice reasoning for cogumi: the category `reasoning` and the benchmark `mmlu`."""

__version__ = "0.1.0"
