"""The zygote as its server sees it: a process that is told to start and to finish programs, and answers."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from cogumi_sandbox import boot, cleanup, rootfs
from cogumi_sandbox.isolation import FOLDER

PATIENCE = 60.0
"""Seconds within which a zygote has to answer, or is given up."""


class Broken(Exception):
    """The zygote failed: says nothing about the program."""


class ZygoteProcess:
    """A running zygote. `setup` is what it is told (see `isolation.Setup`), `temp` a folder of its own.

    Raises `Broken` where it does not start.
    """

    def __init__(self, setup: dict[str, Any], temp: str) -> None:
        self.level: int = setup["level"]
        self.uid: int | None = setup["uid"]
        self.folder = Path(temp, FOLDER)
        if self.level > 1:
            self.folder.mkdir(0o700)
            if self.uid is not None:
                os.chown(self.folder, self.uid, self.uid)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            boot.command("zygote", setup.pop("path"), theirs.fileno()),
            env=boot.environment(rootfs.TEMP if self.level == 1 else str(self.folder)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        self.tell({**setup, "temp": temp})
        reply = self.hear()
        if not reply.get("ready"):
            raise Broken(reply.get("failure", "the zygote did not start"))

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def tell(self, message: dict[str, Any], fds: tuple[int, ...] = ()) -> None:
        """Tell the zygote something; raises `Broken`."""
        try:
            socket.send_fds(self.control, [json.dumps(message).encode()], fds)
        except OSError as error:
            raise Broken(f"the zygote is gone: {error}") from error

    def hear(self) -> dict[str, Any]:
        """The zygote's next answer; raises `Broken`."""
        if not select.select([self.control], [], [], PATIENCE)[0]:
            raise Broken("the zygote does not answer")
        try:
            data = self.control.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Broken("the zygote has died")
        reply: dict[str, Any] = json.loads(data)
        return reply

    def clean(self) -> None:
        """Remove what a program left in real folders."""
        if self.level > 1:
            cleanup.empty(self.folder)
        if self.level > 2 and self.uid is not None:
            cleanup.clean_shared(self.uid)

    def close(self) -> None:
        """End it."""
        self.control.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        self._process.kill()
        self._process.wait()
