"""ONNX model files as bytes: the few protobuf messages of `onnx.proto3` that a graph needs."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

FLOAT32: Final = 1
INT8: Final = 3
INT32: Final = 6
INT64: Final = 7
_EXTERNAL: Final = 1


def encode_model(graph: bytes, *, ir_version: int, opsets: Mapping[str, int]) -> bytes:
    """`opsets` maps each operator domain, "" for the standard one, to the version used of it."""
    imports = (_bytes(8, _bytes(1, domain.encode()) + _int(2, version)) for domain, version in opsets.items())
    return _int(1, ir_version) + _bytes(7, graph) + b"".join(imports)


def encode_graph(
    name: str,
    nodes: Iterable[bytes],
    initializers: Iterable[bytes],
    inputs: Iterable[bytes],
    outputs: Iterable[bytes],
) -> bytes:
    return b"".join(
        (
            *(_bytes(1, node) for node in nodes),
            _bytes(2, name.encode()),
            *(_bytes(5, tensor) for tensor in initializers),
            *(_bytes(11, value) for value in inputs),
            *(_bytes(12, value) for value in outputs),
        )
    )


def encode_node(
    operator: str, inputs: Iterable[str], output: str, domain: str, attributes: Mapping[str, float]
) -> bytes:
    return b"".join(
        (
            *(_bytes(1, name.encode()) for name in inputs),
            _bytes(2, output.encode()),
            _bytes(4, operator.encode()),
            *(_bytes(5, _attribute(name, value)) for name, value in attributes.items()),
            _bytes(7, domain.encode()),
        )
    )


def _attribute(name: str, value: float) -> bytes:
    """Field 20 tells the kind: 1 float, 2 integer."""
    if isinstance(value, int):
        return _bytes(1, name.encode()) + _int(3, value) + _int(20, 2)
    return _bytes(1, name.encode()) + _tag(2, 5) + struct.pack("<f", value) + _int(20, 1)


def encode_external_tensor(
    name: str, dimensions: Sequence[int], file_name: str, *, offset: int, length: int
) -> bytes:
    """A float32 tensor that the runtime reads at `offset` bytes of another file."""
    place = {"location": file_name, "offset": str(offset), "length": str(length)}
    entries = (
        _bytes(13, _bytes(1, key.encode()) + _bytes(2, value.encode())) for key, value in place.items()
    )
    return _tensor(name, FLOAT32, dimensions) + b"".join(entries) + _int(14, _EXTERNAL)


def encode_tensor(name: str, values: NDArray[np.int8] | NDArray[np.float32]) -> bytes:
    """A tensor that lies in the model itself."""
    kind = INT8 if values.dtype == np.int8 else FLOAT32
    return _tensor(name, kind, values.shape) + _bytes(9, values.tobytes())


def encode_int64_tensor(name: str, dimensions: Sequence[int], values: Sequence[int]) -> bytes:
    return _tensor(name, INT64, dimensions) + _bytes(9, struct.pack(f"<{len(values)}q", *values))


def _tensor(name: str, kind: int, dimensions: Sequence[int]) -> bytes:
    return b"".join(_int(1, size) for size in dimensions) + _int(2, kind) + _bytes(8, name.encode())


def encode_value_info(name: str, kind: int, dimensions: Sequence[int | str]) -> bytes:
    """A dimension is a fixed size or the name of a size that differs from run to run."""
    sizes = (_int(1, size) if isinstance(size, int) else _bytes(2, size.encode()) for size in dimensions)
    shape = b"".join(_bytes(1, size) for size in sizes)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, _int(1, kind) + _bytes(2, shape)))


def _int(number: int, value: int) -> bytes:
    return _tag(number, 0) + _varint(value & 0xFFFF_FFFF_FFFF_FFFF)


def _bytes(number: int, value: bytes) -> bytes:
    return _tag(number, 2) + _varint(len(value)) + value


def _tag(number: int, wire_type: int) -> bytes:
    return _varint(number << 3 | wire_type)


def _varint(value: int) -> bytes:
    """Seven bits a byte, lowest first; the high bit says that more follow."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
