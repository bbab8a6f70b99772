"""Creative writing for cogumi: the category `creativity`, the benchmark `writing` and the voter `medoid`."""
