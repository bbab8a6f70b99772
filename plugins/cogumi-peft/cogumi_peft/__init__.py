"""Adapters and the base they belong on: loaded as trained, put together, merged and proved. Light to import.

    bases.py          a model folder as a network: whole, held in NF4, or rounded to NF4 and back; and what a manifest asks for
    adapters.py       a LoRA adapter put on a network, whole or refused
    fit.py            whether config, weights, tokenizer, template and adapter fit together, without reading weights
    fitting.py        the same, asked in a process of its own and remembered
    merging.py        base and adapter as one model folder, compared with the two apart before it counts
    rope.py           rotations that depend on how long a text is
    configuration.py  what a model's configuration says, read without torch
    quiet.py          none of the remarks and progress bars of the libraries
    probing.py        a module tried in a process of its own, for checks

An adapter that was trained on a base held in 4 bits belongs on that rounded base: on the original weights, or merged into
4-bit layers (which quantises again), it is another model, and logits differ by some 8 %.
"""

__version__ = "0.1.0"
