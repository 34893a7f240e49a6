"""The one tree of errors: each has a stable code, may be worth a retry, and travels on the bus.

    CongressError
    ├── UserError               the request is wrong; nothing was changed
    │   ├── InvalidRequest      a value is missing or of the wrong form
    │   │   ├── InvalidRow      a cell that no table may hold
    │   │   └── InvalidConfig   an option or section that does not exist, or its value
    │   ├── NotFound            a named object does not exist
    │   ├── Conflict            it exists already, or changed meanwhile
    │   └── PolicyError         rule text with diagnostics (policy/language/diagnostics.py)
    ├── WorldError              something outside failed
    │   ├── ServiceUnavailable  nobody answered a call
    │   ├── DeadlineExceeded    the answer would come too late
    │   ├── Cancelled           somebody asked to stop the call
    │   ├── NotReady            the answer needs tables that are not in yet
    │   ├── StoreUnavailable    the rule database cannot be read or written
    │   ├── TransportError      the bus cannot carry a message
    │   │   └── UnreadableMessage   one arrived that this node cannot read
    │   ├── LeaseLost           another incarnation owns the stream
    │   ├── SourceUnavailable   a datasource has no rows to give
    │   └── StartupError        the system cannot start as it was asked to
    └── InternalError           our own fault: the story is logged, the service stops

Foreign exceptions become one of these once, at the border where they enter, `from` the original.
"""

from __future__ import annotations

from typing import Any, ClassVar

_CLASS_BY_CODE: dict[str, type[CongressError]] = {}


class CongressError(Exception):
    """Base of all errors: a message for people and fields for programs.

    Shapes: `fields` holds plain values only (text, numbers, booleans, null, lists and dicts).
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _CLASS_BY_CODE[cls.code] = cls

    def to_wire(self) -> dict[str, Any]:
        """Give the plain form that `error_from_wire` reads."""
        return {"code": self.code, "message": self.message, "fields": self.fields}

    @classmethod
    def from_fields(cls, message: str, fields: dict[str, Any]) -> CongressError:
        """Rebuild an error of this class from what `to_wire` gave."""
        return cls(message, **fields)


def error_from_wire(data: dict[str, Any]) -> CongressError:
    """Rebuild the error that a remote side sent; an unknown code becomes an InternalError."""
    cls = _CLASS_BY_CODE.get(str(data.get("code")), InternalError)
    return cls.from_fields(str(data.get("message")), dict(data.get("fields") or {}))


class UserError(CongressError):
    """The request is wrong; nothing was changed."""

    code = "user_error"


class InvalidRequest(UserError):
    """A value of the request is missing or has the wrong form."""

    code = "invalid_request"


class InvalidRow(InvalidRequest):
    """A cell holds what no table may hold; names table, row and column where known."""

    code = "invalid_row"


class InvalidConfig(InvalidRequest):
    """A configuration file or option is not as it must be; names file, section and option."""

    code = "invalid_config"


class NotFound(UserError):
    """A named object does not exist."""

    code = "not_found"


class Conflict(UserError):
    """The object exists already, or changed since it was read."""

    code = "conflict"


class WorldError(CongressError):
    """Something outside this process failed."""

    code = "world_error"
    retryable = True


class ServiceUnavailable(WorldError):
    """Nobody answered a call. For writes `outcome` is `not_written` or `unknown`."""

    code = "service_unavailable"


class DeadlineExceeded(WorldError):
    """The answer would come after the caller stopped waiting."""

    code = "deadline_exceeded"


class Cancelled(WorldError):
    """Somebody asked to stop the call; it has changed nothing."""

    code = "cancelled"


class NotReady(WorldError):
    """The answer needs tables that are not in yet; `missing` names them with reasons."""

    code = "not_ready"


class StoreUnavailable(WorldError):
    """The rule database cannot be read or written. `outcome` as in ServiceUnavailable."""

    code = "store_unavailable"


class TransportError(WorldError):
    """The bus cannot carry a message."""

    code = "transport_error"


class UnreadableMessage(TransportError):
    """A message arrived that this node cannot read; `reason` says which way."""

    code = "unreadable_message"
    retryable = False


class LeaseLost(WorldError):
    """Another incarnation owns the stream; this one must stop publishing it."""

    code = "lease_lost"
    retryable = False


class SourceUnavailable(WorldError):
    """A datasource has no rows to give for a table; the message is the table's reason."""

    code = "source_unavailable"


class StartupError(WorldError):
    """The system cannot start as it was asked to."""

    code = "startup_error"
    retryable = False


class InternalError(CongressError):
    """Our own fault: the story is logged and the service stops."""

    code = "internal"
