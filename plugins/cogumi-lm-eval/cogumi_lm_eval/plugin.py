"""What this distribution registers: the benchmark `lm-eval`, which runs any task of lm-evaluation-harness.

    cogumi run --model mine --plugins math --benchmarks lm-eval:arc_easy,lm-eval:mmlu

lm-evaluation-harness (EleutherAI; Gao et al., "A framework for few-shot language model evaluation") does everything itself,
prompts and scores included; what it says of each item goes into cogumi's comparison of before and after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from cogumi import hookimpl
from cogumi.hookspecs import Register
from cogumi.protocols import ExternalEvaluation, Progress
from cogumi.records import ItemResult, Weights
from cogumi_lm_eval.settings import Settings


def lm_eval(
    *,
    task: str,
    data: str = "hub",
    shots: int | None = None,
    metric: str | None = None,
    batch_size: int = 8,
    device: str = "auto",
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto",
    base: Literal["as-trained", "original"] = "as-trained",
    apply_chat_template: bool = False,
    max_gen_toks: int | None = None,
    trust_task_code: bool = False,
) -> ExternalEvaluation:
    """Any task of lm-evaluation-harness, as lm-eval:TASK.

    task: a task, group or tag of lm-eval (what stands behind the colon), or the path of a YAML file.
    data: hub, a file, or a folder with a file per split.
    shots: worked examples in the prompt; none: as the task has it.
    metric: which of the task's metrics counts; none: acc_norm, acc or exact_match where it has one, else its first.
    batch_size: most prompts computed at a time; halved when memory runs out.
    device: cpu, cuda, cuda:N, or auto (cuda where there is one).
    dtype: float32, bfloat16, float16, or auto (float32 on CPU, the model's own on CUDA).
    base: what an adapter is added to: as-trained (rounded to 4 bits where training held it so) or original.
    apply_chat_template: whether prompts are rendered as a conversation.
    max_gen_toks: most tokens a model writes; none: as the task has it.
    trust_task_code: whether code that lm-eval does not come with may be executed (one's own YAML file, a metric on the hub).
    """
    settings = Settings(
        task=task,
        data=data,
        shots=shots,
        metric=metric,
        batch_size=batch_size,
        device=device,
        dtype=dtype,
        base=base,
        apply_chat_template=apply_chat_template,
        max_gen_toks=max_gen_toks,
        trust_task_code=trust_task_code,
    )

    def evaluate(model: Weights, limit: int | None, progress: Progress) -> Iterable[ItemResult]:
        from cogumi_lm_eval.run import evaluate

        return evaluate(settings, model, limit, progress)

    def check() -> None:
        from cogumi_lm_eval.run import check

        check(settings)

    from cogumi_lm_eval.metrics import counting

    return ExternalEvaluation(name=f"lm-eval:{task}", evaluate=evaluate, metric=counting(settings), check=check)


@hookimpl
def register_benchmarks(register: Register[Callable[..., ExternalEvaluation]]) -> None:
    """Offer `lm-eval`."""
    register("lm-eval", lm_eval)
