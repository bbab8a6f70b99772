"""The distribution stands alone: it can be installed and used without anything else of cogumi."""

import ast
import subprocess
import sys
from pathlib import Path

import cogumi_sandbox

PACKAGE = Path(cogumi_sandbox.__file__).parent
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")


def imported(path: Path) -> set[str]:
    """The top-level names of all packages that a file imports, wherever it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name}: a relative import"
            found.add(str(node.module).partition(".")[0])
    return found


def test_it_imports_nothing_of_cogumi() -> None:
    for path in PACKAGE.glob("*.py"):
        foreign = imported(path) - set(sys.stdlib_module_names) - {"cogumi_sandbox"}
        assert foreign <= {"pyseccomp"}, path.name


def test_all_of_it_can_be_loaded_without_cogumi() -> None:
    script = f"""
import sys, importlib
for name in {MODULES}:
    importlib.import_module("cogumi_sandbox." + name)
print([name for name in sys.modules if name.startswith("cogumi") and name.partition(".")[0] != "cogumi_sandbox"])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_its_readmes_example_runs() -> None:
    blocks = (PACKAGE.parent / "README.md").read_text().split("```python\n")[1:]
    assert blocks
    for block in blocks:
        source, _, after = block.partition("```")
        done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
        assert done.stdout == after.split("```")[1].removeprefix("\n").removeprefix("text\n")
