"""Short factual answers for cogumi: the category `knowledge` and the benchmarks `triviaqa` and `truthfulqa`."""

__version__ = "0.1.0"
