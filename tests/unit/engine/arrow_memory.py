"""Arrow's structures made by hand: what a library hands over, right or wrong.

Source: the Arrow C data interface and the Arrow C stream interface.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any


class ArrowSchema(ctypes.Structure):
    """The type of an array."""


class ArrowArray(ctypes.Structure):
    """The memory of an array."""


class ArrowArrayStream(ctypes.Structure):
    """Arrays of one type, one after the other."""


_ReleaseSchema = ctypes.CFUNCTYPE(None, ctypes.POINTER(ArrowSchema))
_ReleaseArray = ctypes.CFUNCTYPE(None, ctypes.POINTER(ArrowArray))
_ReleaseStream = ctypes.CFUNCTYPE(None, ctypes.POINTER(ArrowArrayStream))
_GetSchema = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ArrowArrayStream), ctypes.POINTER(ArrowSchema)
)
_GetNext = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ArrowArrayStream), ctypes.POINTER(ArrowArray)
)
_GetError = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.POINTER(ArrowArrayStream))

ArrowSchema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(ArrowSchema))),
    ("dictionary", ctypes.POINTER(ArrowSchema)),
    ("release", _ReleaseSchema),
    ("private_data", ctypes.c_void_p),
]
ArrowArray._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(ArrowArray))),
    ("dictionary", ctypes.POINTER(ArrowArray)),
    ("release", _ReleaseArray),
    ("private_data", ctypes.c_void_p),
]
ArrowArrayStream._fields_ = [
    ("get_schema", _GetSchema),
    ("get_next", _GetNext),
    ("get_last_error", _GetError),
    ("release", _ReleaseStream),
    ("private_data", ctypes.c_void_p),
]

_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype = ctypes.py_object
_new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]

_KEPT: list[Any] = []
"""What was handed over, for as long as somebody could release it."""


class Handed:
    """An array, or a table of named ones, that is handed over once for each call.

    `released` counts how often its memory was let go, by the array's and the schema's callbacks.
    """

    def __init__(self, layout: bytes, buffers: Sequence[bytes | None], length: int) -> None:
        self.layout = layout
        self.buffers: list[Any] = [
            None if one is None else ctypes.create_string_buffer(one, len(one) + 64)
            for one in buffers
        ]
        self.length = length
        self.offset = 0
        self.null_count = -1
        self.n_buffers = len(buffers)
        self.name = b""
        self.children: list[Handed] = []
        self.n_children: int | None = None
        self.dictionary: Handed | None = None
        self.is_released = False
        self.released = [0, 0]

    def schema(self) -> ArrowSchema:
        """Give its type."""
        made = ArrowSchema(self.layout, self.name, None, 0, len(self.children))
        pointers = [ctypes.pointer(child.schema()) for child in self.children]
        made.children = self._keep((ctypes.POINTER(ArrowSchema) * len(pointers))(*pointers))
        if self.dictionary is not None:
            made.dictionary = self._keep(ctypes.pointer(self.dictionary.schema()))

        def release(given: Any) -> None:
            self.released[1] += 1
            given.contents.release = _ReleaseSchema()

        made.release = self._keep(_ReleaseSchema(release))
        return self._keep(made)

    def array(self) -> ArrowArray:
        """Give its memory."""
        count = len(self.children) if self.n_children is None else self.n_children
        made = ArrowArray(self.length, self.null_count, self.offset, self.n_buffers, count)
        _KEPT.append(self.buffers)
        places = [ctypes.addressof(one) if one is not None else None for one in self.buffers]
        made.buffers = self._keep((ctypes.c_void_p * len(places))(*places))
        pointers = [ctypes.pointer(child.array()) for child in self.children]
        made.children = self._keep((ctypes.POINTER(ArrowArray) * len(pointers))(*pointers))
        if self.dictionary is not None:
            made.dictionary = self._keep(ctypes.pointer(self.dictionary.array()))

        def release(given: Any) -> None:
            self.released[0] += 1
            given.contents.release = _ReleaseArray()

        if not self.is_released:
            made.release = self._keep(_ReleaseArray(release))
        return self._keep(made)

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        schema, array = self.schema(), self.array()
        return (
            _new_capsule(ctypes.addressof(schema), b"arrow_schema", None),
            _new_capsule(ctypes.addressof(array), b"arrow_array", None),
        )

    def _keep(self, made: Any) -> Any:
        _KEPT.append(made)
        return made


class Stream:
    """Batches of one table, one after the other; `fails` gives a code instead of a batch."""

    def __init__(self, batches: Sequence[Handed], *, fails: Callable[[], int] = lambda: 0) -> None:
        self.batches = batches
        self.fails = fails
        self.released = 0

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        left = list(self.batches)

        def get_schema(_: Any, out: Any) -> int:
            ctypes.memmove(
                out, ctypes.addressof(self.batches[0].schema()), ctypes.sizeof(ArrowSchema)
            )
            return 0

        def get_next(_: Any, out: Any) -> int:
            if code := self.fails():
                return code
            made = left.pop(0).array() if left else ArrowArray()
            ctypes.memmove(out, ctypes.addressof(made), ctypes.sizeof(ArrowArray))
            return 0

        def release(given: Any) -> None:
            self.released += 1
            given.contents.release = _ReleaseStream()

        said = ctypes.create_string_buffer(b"the disk is gone")
        made = ArrowArrayStream(
            _GetSchema(get_schema),
            _GetNext(get_next),
            _GetError(lambda _: ctypes.addressof(said)),
            _ReleaseStream(release),
        )
        _KEPT.extend((said, made, self.batches))
        return _new_capsule(ctypes.addressof(made), b"arrow_array_stream", None)


def table(**columns: Handed) -> Handed:
    """Give a table of arrays of one length."""
    made = Handed(b"+s", [None], next(iter(columns.values())).length)
    for name, column in columns.items():
        column.name = name.encode()
        made.children.append(column)
    return made
