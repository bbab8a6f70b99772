"""The recipe of the embedded model: tokenizer, text, training, measuring and model card, from nothing."""
