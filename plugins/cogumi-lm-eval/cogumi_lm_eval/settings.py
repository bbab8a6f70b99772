"""What the user chose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options of the benchmark `lm-eval`; `cogumi_lm_eval.plugin.lm_eval` describes them."""

    task: str
    """A task, group or tag of lm-eval, or the path of a YAML file."""
    data: str
    """`hub`, or the path of a file or folder."""
    shots: int | None
    """Worked examples in the prompt; None: as the task has it."""
    metric: str | None
    """The metric that counts; None: chosen by `cogumi_lm_eval.metrics.primary`."""
    batch_size: int
    """Most prompts computed at a time."""
    device: str
    """`auto`, `cpu`, `cuda` or `cuda:N`."""
    dtype: str
    """`auto`, `float32`, `bfloat16` or `float16`."""
    base: str
    """`as-trained` or `original`."""
    apply_chat_template: bool
    """Whether prompts are rendered as a conversation."""
    max_gen_toks: int | None
    """Most tokens a model writes; None: as the task has it."""
    trust_task_code: bool
    """Whether code that lm-eval does not come with may be executed."""
