"""Creative writing for cogumi: the category `creativity`, the benchmark `writing` and the voter `medoid`."""

__version__ = "0.1.0"
