"""A sandbox for programs that a model wrote: programs in, verdicts out, many at once.

    with Sandbox(workers=2) as sandbox:
        for result in sandbox.check([Program(prompt=..., completion=..., test=..., entry_point="add")]):
            print(result.verdict, result.detail)

Oracle and worker are two processes. The worker is given prompt and completion and nothing else; the oracle holds the test,
calls the program through a pipe and alone writes the verdict. The worker runs behind the strongest walls that the machine
really offers (`probe`), and every result says which. A `sandbox_error` is the sandbox's fault and never a fail.
"""

from cogumi_sandbox.canonical import canonical
from cogumi_sandbox.probe import probe
from cogumi_sandbox.records import Behaviour, Call, Level, Limits, Program, Result, Verdict
from cogumi_sandbox.sandbox import NoSandbox, Sandbox

__all__ = [
    "Sandbox",
    "Program",
    "Call",
    "Limits",
    "Result",
    "Behaviour",
    "Verdict",
    "Level",
    "NoSandbox",
    "probe",
    "canonical",
]

__version__ = "0.1.0"
