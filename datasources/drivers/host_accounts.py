"""The accounts and groups of this machine, as its name service tells them."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from ..driver import (
    UNCHANGED,
    Column,
    Driver,
    Option,
    Poll,
    Table,
    TableRead,
    TableSchema,
    schema,
    text_of,
)

_READ_ANYWAY = 30
"""Every so many polls the accounts are read although the files did not change: a directory
server's accounts change without them."""

_Signature = tuple[tuple[int, int, int] | None, ...]


class HostAccounts(Driver):
    """Asks the C library, so accounts of a directory server are there where it lists them."""

    name = "host_accounts"
    description = "Accounts, groups and who is in which, of this machine"
    options = (
        Option(
            "passwd", "file whose change means new accounts", Path, default=Path("/etc/passwd")
        ),
        Option("group", "file whose change means new groups", Path, default=Path("/etc/group")),
    )
    tables: ClassVar[Mapping[str, TableSchema]] = {
        "accounts": schema(
            Column("name", description="login name"),
            Column("uid", "int", description="user id; several accounts may share one"),
            Column("gid", "int", description="id of the primary group"),
            Column("home", description="home directory"),
            Column("shell", description="program that a login starts; may be empty"),
            description="every account; passwords are not read",
        ),
        "groups": schema(
            Column("name", description="group name"),
            Column("gid", "int", description="group id"),
            description="every group",
        ),
        "memberships": schema(
            Column("group", description="group name"),
            Column("user", description="login name"),
            description="who is in which group: listed there, or by the account's primary group",
        ),
    }
    polls = (Poll("accounts", ("accounts", "groups", "memberships"), interval=10.0),)

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        all_accounts: Callable[[], Iterable[pwd.struct_passwd]] = pwd.getpwall,
        all_groups: Callable[[], Iterable[grp.struct_group]] = grp.getgrall,
    ) -> None:
        super().__init__(config)
        self._files = (
            Path(config.get("passwd") or "/etc/passwd"),
            Path(config.get("group") or "/etc/group"),
        )
        self._all_accounts = all_accounts
        self._all_groups = all_groups
        self._last: _Signature | None = None
        self._unchanged = 0

    def read(self, poll: str) -> Mapping[str, TableRead]:  # noqa: ARG002 - there is one
        """Read all three tables, or find them unchanged."""
        # Ordering: before the accounts: a change while they are read is seen by the next poll.
        signature = tuple(_signature(path) for path in self._files)
        if signature == self._last and self._unchanged < _READ_ANYWAY - 1:
            self._unchanged += 1
            return dict.fromkeys(self.tables, UNCHANGED)
        accounts, groups = list(self._all_accounts()), list(self._all_groups())
        self._last, self._unchanged = signature, 0
        return {
            "accounts": Table(
                (_text(a.pw_name), a.pw_uid, a.pw_gid, _text(a.pw_dir), _text(a.pw_shell))
                for a in accounts
            ),
            "groups": Table((_text(g.gr_name), g.gr_gid) for g in groups),
            "memberships": Table(_memberships(accounts, groups)),
        }


def _memberships(
    accounts: Iterable[pwd.struct_passwd], groups: Iterable[grp.struct_group]
) -> set[tuple[str, str]]:
    names_by_gid: dict[int, list[str]] = {}
    members: set[tuple[str, str]] = set()
    for group in groups:
        names_by_gid.setdefault(group.gr_gid, []).append(_text(group.gr_name))
        members.update((_text(group.gr_name), _text(user)) for user in group.gr_mem)
    for account in accounts:
        primary = names_by_gid.get(account.pw_gid, ())
        members.update((name, _text(account.pw_name)) for name in primary)
    return members


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


def _text(name: str) -> str:
    # The C library's bytes come as text with surrogates where they are not UTF-8.
    return text_of(os.fsencode(name))
