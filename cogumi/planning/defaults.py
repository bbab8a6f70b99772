"""What is used where nothing is said: the one place in the core that names a model, an engine, a benchmark or a phase."""

MODEL = "tiny"
SAMPLER = "hf"
TRAINER = "qlora"
GUARDS = ("mmlu",)
PHASE = "minimal"
VOTER = "majority"
NOTHING = "none"
"""The word that leaves something out: `--guard none`, `--trainer none`."""
LOWER_TEMPERATURE = 0.2
"""The baseline temperature that is drawn where consistency is a gate."""
PASSED_ON = ("data", "accept_unsandboxed")
"""Settings of a run that every category and benchmark is given which takes an option of that name."""
