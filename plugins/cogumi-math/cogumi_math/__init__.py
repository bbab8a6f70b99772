"""Grade-school mathematics for cogumi: the category `math` and the benchmark `gsm8k`."""

__version__ = "0.1.0"
