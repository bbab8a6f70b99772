"""The model folder of a GGUF file in the user's cache: found and verified, or made.

    CACHE/gguf/KEY/        config, safetensors, tokenizer, template, and cogumi_origin.json with the digest of each of them
    CACHE/gguf/KEY.part/   a conversion under way; it counts for nothing, and whoever converts next removes it
    CACHE/gguf/KEY.lock    held while one process converts; the kernel gives it back when that one ends, in whatever way

KEY is the file's SHA-256 and the version of this conversion. CACHE is `cogumi.files.cache_folder()`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from cogumi.errors import BadInput, RunFailed
from cogumi.files import cache_folder, file_digest, remembered_digest
from cogumi.weights import ORIGIN, read_origin
from cogumi_peft.gguf import header

VERSION = 2
"""To be raised when a conversion comes out otherwise."""
WIDTH = 4
"""Bytes of a number that was quantised, once it is written."""
INSTALL = "pip install gguf"
OTHER_CACHE = "set COGUMI_CACHE_DIR to a folder with room that you may write in"


def folder_of(gguf: Path, *, sha256: str | None = None) -> Path:
    """The folder that a GGUF file was converted to, made where it is not there yet (up to a minute for 100 MB).

    With `sha256` the file has to be that very one. Raises `BadInput` for a file that is damaged, cut off or another one, for
    an architecture that transformers does not read, and where the package `gguf` is missing.
    """
    found = remembered_digest(gguf)
    if sha256 not in (None, found):
        problem = f"its SHA-256 is {found[:16]}..., where {str(sha256)[:16]}... is expected"
        raise BadInput(problem, file=gguf, field="model", fix="download or install it again")
    folder = cache_folder() / "gguf" / f"{found[:32]}-{VERSION}"
    if is_whole(folder):
        return folder
    if find_spec("gguf") is None:
        raise BadInput("reading GGUF needs the package gguf", file=gguf, field="model", fix=INSTALL)
    about = header.read(gguf)
    try:
        with _alone(folder):
            if not is_whole(folder):
                _make(gguf, about, folder)
    except OSError as error:
        problem = f"the converted model cannot be kept: {error.strerror or error}"
        raise BadInput(problem, file=folder.parent, field="model", fix=OTHER_CACHE) from error
    return folder


def is_whole(folder: Path) -> bool:
    """Whether a converted model is there, and each of its files is what was written."""
    try:
        origin = read_origin(folder)
    except BadInput:
        return False
    if origin is None:
        return False
    there = {path.name for path in folder.iterdir()} - {ORIGIN}
    return there == set(origin.files) and all(_digest(folder / name) == origin.files[name] for name in there)


def _digest(path: Path) -> str:
    return remembered_digest(path) if path.suffix == ".safetensors" else file_digest(path)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time makes a folder; the others wait here."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another process is converting this model; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(gguf: Path, about: header.Header, folder: Path) -> None:
    """Convert beside the folder, verify, rename. Nothing is left where that fails."""
    draft = folder.with_name(f"{folder.name}.part")
    for left in (draft, folder):  # of a conversion that was killed; of files that are not what was written
        if left.exists():
            shutil.rmtree(left)
    held = header.held(about)
    _check_room(gguf, sum(held.values()) * WIDTH, folder.parent)
    _say(f"converting {gguf.name} ({', '.join(held)}) to safetensors, once, in {folder.parent}")
    draft.mkdir()
    try:
        _convert(gguf, draft, about.architecture)
        if not is_whole(draft):
            raise RunFailed(f"{gguf}: what was written is not what is read back; check the disk under {folder.parent}")
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _check_room(gguf: Path, needed: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        problem = f"converted it takes {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free in {folder}"
        raise BadInput(problem, file=gguf, field="model", fix=OTHER_CACHE)


def _convert(gguf: Path, draft: Path, architecture: str) -> None:
    """Have a process of its own do it: its memory comes back, and what a library does to it hurts nobody else."""
    command = [sys.executable, "-m", "cogumi_peft.gguf.convert", str(gguf), str(draft)]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said) as child,
    ):
        assert child.stdout is not None
        try:
            out = child.stdout.read().decode()  # not `communicate`, which closes stdin: the child ends when that does
            child.wait()
        except BaseException:
            child.kill()
            raise
        said.seek(0)
        errors = said.read().decode(errors="replace")
    try:
        problem = json.loads(out.strip().splitlines()[-1])["error"]
    except (IndexError, ValueError, LookupError, TypeError):
        last = " ".join(errors.split())[-200:]
        why = "it was killed, most likely for want of memory" if child.returncode < 0 else last
        raise RunFailed(f"{gguf}: the conversion ended with exit code {child.returncode}: {why}") from None
    if problem is not None:
        raise BadInput(f"{problem} (architecture '{architecture}')", file=gguf, field="model")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
