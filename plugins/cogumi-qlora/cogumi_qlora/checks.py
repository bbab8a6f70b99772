"""What `cogumi doctor` asks of this plugin, tried rather than guessed."""

from __future__ import annotations

from collections.abc import Iterator

from cogumi.records import Finding


def four_bit() -> Iterator[Finding]:
    """Whether a base can be held in 4 bits, tried in a process of its own."""
    from cogumi_peft.probing import ask

    found = ask("cogumi_qlora.probe")
    problem = found.get("error", found.get("nf4"))
    if problem is None:
        yield Finding(name="4-bit", ok=True, detail="NF4 works (bitsandbytes)")
        return
    fix = "pip install bitsandbytes; until then LoRA is trained on an unquantised base, which takes more memory"
    yield Finding(name="4-bit", ok=False, detail=problem, fix=fix)
