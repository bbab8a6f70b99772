"""An installed plugin without an installation: a module and its metadata in a folder that goes on `sys.path`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def fake_dist(
    folder: Path, name: str, source: str, *, dist: str | None = None, version: str = "1.0", requires: Sequence[str] = ()
) -> str:
    """Make the plugin `name` discoverable in `folder`, with `source` as its module; gives the module's name back.

    `dist` is the distribution's name (default: `cogumi-NAME`). Put `folder` on `sys.path`, or on PYTHONPATH of a
    subprocess, to install it.
    """
    dist = dist or f"cogumi-{name}"
    module = dist.replace("-", "_")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{module}.py").write_text(source, encoding="utf-8")
    info = folder / f"{module}-{version}.dist-info"
    info.mkdir()
    needs = "".join(f"Requires-Dist: {need}\n" for need in requires)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n{needs}", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[cogumi]\n{name} = {module}\n", encoding="utf-8")
    return module
