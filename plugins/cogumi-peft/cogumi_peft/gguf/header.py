"""What a GGUF file says of itself: architecture, metadata and tensors, held against its size.

    "GGUF", version u32, number of tensors u64, number of metadata u64      (little-endian; versions 2 and 3)
    metadata: key, type u32, value          tensors: name, number of dimensions u32, dimensions u64, type u32, offset u64
    data, aligned

Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Libraries that read it trust it; here each length is held
against what is left of the file, so that a file which was cut off or damaged is found out, and named, before any of it is
believed. Imports nothing heavy.
"""

from __future__ import annotations

import mmap
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

from cogumi.errors import BadInput

MAGIC = b"GGUF"
VERSIONS = (2, 3)
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
STRING, ARRAY = 8, 9
MOST = 1_000_000
"""More entries or tensors than this is damage."""
AGAIN = "download it again; a Git LFS pointer needs `git lfs pull`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One tensor of the file."""

    name: str
    """Its name in the file, e.g. `blk.0.attn_q.weight`."""
    elements: int
    """How many numbers it has."""
    kind: int
    """The type they are held in, as ggml numbers its types."""
    offset: int
    """Where its bytes begin, from the beginning of all data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the file says of itself."""

    metadata: Mapping[str, str | int | float | bool]
    """Values by key; of an array its length."""
    tensors: tuple[Tensor, ...]
    """All tensors, in the file's order."""
    data: int
    """Where the data begin in the file."""

    @property
    def architecture(self) -> str:
        """The file's word for what kind of network it is, e.g. `llama`."""
        return str(self.metadata.get("general.architecture", ""))


@dataclass(slots=True)
class Cursor:
    """A place in the file that moves on as values are read; every one of them has to lie within the file."""

    raw: mmap.mmap | bytes
    place: int = 0
    strings: list[str] = field(default_factory=list)

    def take(self, size: int) -> bytes:
        """The next bytes. Raises `EOFError` where there are fewer."""
        end = self.place + size
        if end > len(self.raw):
            raise EOFError
        found = self.raw[self.place : end]
        self.place = end
        return found

    def number(self, form: str) -> int:
        """One number of this `struct` format."""
        (value,) = struct.unpack(form, self.take(struct.calcsize(form)))
        return int(value)

    def text(self) -> str:
        """A string: its length, then UTF-8."""
        return self.take(self.number("<Q")).decode("utf-8")

    def count(self, what: str) -> int:
        """How many entries follow. Raises `ValueError` for more than any file has."""
        value = self.number("<Q")
        if value > MOST:
            raise ValueError(f"{value:,} {what}")
        return value

    def value(self) -> str | int | float | bool:
        """One metadata value behind its type; of an array the length."""
        kind = self.number("<I")
        if kind == STRING:
            return self.text()
        if kind == ARRAY:
            return self._array()
        (value,) = struct.unpack(SCALARS[kind], self.take(struct.calcsize(SCALARS[kind])))
        assert isinstance(value, int | float | bool)
        return value

    def _array(self) -> int:
        kind, length = self.number("<I"), self.number("<Q")
        if kind != STRING:
            self.take_past(length * struct.calcsize(SCALARS[kind]))
            return length
        for _ in range(length):
            self.take_past(self.number("<Q"))
        return length

    def take_past(self, size: int) -> None:
        """Go past some bytes without reading them."""
        self.place += size
        if self.place > len(self.raw):
            raise EOFError


def read(path: Path) -> Header:
    """The header of a GGUF file. Raises `BadInput` for a file that is none, is damaged, or ends within its header."""
    try:
        with path.open("rb") as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                raise BadInput("not a GGUF file: it does not begin with GGUF", file=path, field="model", fix=AGAIN)
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as raw:
                header = _header(Cursor(raw, len(MAGIC)))
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", file=path, field="model") from error
    except EOFError as error:
        raise BadInput("cut off: the file ends within its header", file=path, field="model", fix=AGAIN) from error
    except (ValueError, LookupError, struct.error) as error:
        raise BadInput(f"damaged: its header cannot be read ({error})", file=path, field="model", fix=AGAIN) from error
    _check(header, path)
    return header


def sizes() -> Mapping[int, tuple[str, int, int]]:
    """Of every type: its name, how many numbers a block of it holds, in how many bytes. From the package `gguf`."""
    from gguf.constants import GGML_QUANT_SIZES

    return {int(kind): (kind.name, block, size) for kind, (block, size) in GGML_QUANT_SIZES.items()}


def held(header: Header) -> dict[str, int]:
    """How many numbers are held in which type, the most common one first."""
    counts: Counter[str] = Counter()
    known = sizes()
    for tensor in header.tensors:
        counts[known[tensor.kind][0]] += tensor.elements
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _header(cursor: Cursor) -> Header:
    version = cursor.number("<I")
    if version not in VERSIONS:
        raise ValueError(f"version {version}, where {' and '.join(map(str, VERSIONS))} are known")
    tensors, entries = cursor.count("tensors"), cursor.count("metadata")
    metadata = {cursor.text(): cursor.value() for _ in range(entries)}
    table = tuple(_tensor(cursor) for _ in range(tensors))
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment < 1:
        raise ValueError(f"alignment {alignment!r}")
    return Header(metadata=metadata, tensors=table, data=-(-cursor.place // alignment) * alignment)


def _tensor(cursor: Cursor) -> Tensor:
    name, dimensions = cursor.text(), cursor.number("<I")
    if not 1 <= dimensions <= 4:
        raise ValueError(f"tensor '{name}' has {dimensions} dimensions")
    elements = prod(cursor.number("<Q") for _ in range(dimensions))
    return Tensor(name=name, elements=elements, kind=cursor.number("<I"), offset=cursor.number("<Q"))


def _check(header: Header, path: Path) -> None:
    """Refuse what cannot be one whole model."""
    if not header.architecture or not header.tensors:
        what = "tensors" if header.architecture else "architecture (general.architecture)"
        raise BadInput(f"it names no {what}", file=path, field="model", fix="give a GGUF file of a language model")
    if (pieces := header.metadata.get("split.count", 0)) not in (0, 1):
        fix = "merge the pieces first: llama-gguf-split --merge"
        raise BadInput(f"one of {pieces} pieces of a model", file=path, field="model", fix=fix)
    known = sizes()
    for tensor in header.tensors:
        if tensor.kind not in known:
            fix = "update the package gguf"
            raise BadInput(f"{tensor.name} is held in type {tensor.kind}, which is unknown", file=path, field="model", fix=fix)
    needed = header.data + max(tensor.offset + _bytes(tensor, known) for tensor in header.tensors)
    if needed > (size := path.stat().st_size):
        raise BadInput(f"cut off: {size:,} bytes long where {needed:,} are expected", file=path, field="model", fix=AGAIN)


def _bytes(tensor: Tensor, known: Mapping[int, tuple[str, int, int]]) -> int:
    _, block, size = known[tensor.kind]
    return -(-tensor.elements // block) * size
