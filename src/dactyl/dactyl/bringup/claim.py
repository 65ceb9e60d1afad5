"""One graph in a ROS domain: a second one would speak on the topics of the first, and spoil its trial.

On one machine a socket in Linux's abstract namespace tells: it belongs to the network, as a domain does, and ends with
its process however that ends. Of other machines, containers and nodes started by hand ROS itself tells.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from dactyl import variables
from dactyl.bringup.graph import Graph
from dactyl.errors import DactylError
from dactyl.topics import NAMESPACE

DISCOVERY = 1.5
"""s until the nodes of a domain are known, usually 0.2."""
_CREDENTIALS = struct.Struct("3i")


@contextmanager
def claimed(graph: Graph) -> Iterator[None]:
    """Check what a graph needs of the environment, and have the domain for it alone meanwhile, if it wants that.

    Raises:
        DactylError: something is wrong with the environment; another graph is in the domain.
    """
    variables.check_ros()
    variables.executor()
    variables.check_opengl()
    if not graph.alone:
        yield
        return
    claim = Claim(graph.namespace)
    try:
        claim.check({node.name for node in graph.nodes})
        yield
    finally:
        claim.release()


class Claim:
    """The domain belongs to this process until `release`, or its end."""

    def __init__(self, namespace: str = NAMESPACE) -> None:
        """
        Raises:
            DactylError: another process has claimed it.
        """
        self._domain, self._namespace = variables.domain(), namespace
        name = f"\0dactyl/{self._domain}{namespace}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.bind(name)
            self._socket.listen()
        except OSError as error:
            self._socket.close()
            if error.errno == errno.EADDRINUSE:  # where there is no such namespace, ROS still tells
                raise self._taken(_owner(name)) from error

    def check(self, names: Collection[str]) -> None:
        """Ask ROS whether nodes of these names are there already.

        Raises:
            DactylError: one is; or ROS cannot be started here at all.
        """
        from dactyl.ros import discovery

        if found := discovery.find(names, self._namespace, DISCOVERY):
            raise self._taken(f"the node {self._namespace}/{found}")

    def release(self) -> None:
        self._socket.close()

    def _taken(self, who: str) -> DactylError:
        domain, other = self._domain, self._domain % 101 + 1
        return DactylError(
            f"another graph runs in ROS domain {domain} ({who}): end it, or choose another domain for this one, "
            f"such as {variables.DOMAIN}={other}"
        )


def _owner(name: str) -> str:
    """Who listens at an abstract address."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(1.0)
            asking.connect(name)
            pid, *_ = _CREDENTIALS.unpack(asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ").split()
        return f"process {pid}: {' '.join(words)[:100]}"
    except OSError:
        return "a process of somebody else"
