"""One attempt: `post` sends a body to an address and says what came back. Redirects are not followed."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress

from planning_sync.webhooks import addresses
from planning_sync.webhooks.addresses import Target
from planning_sync.webhooks.errors import Unreachable

TIMEOUT_SECONDS = 10.0
"""How long nothing may come."""
LONGEST_SECONDS = 30.0
"""How long all of it may take, however much drips in."""
_AGENT = "Planning-Sync-Webhooks"


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """The status of the answer, 200 to 299. Raises `InvalidAddress`, `Unreachable`."""
    target = addresses.check(url)
    address = addresses.resolve(target)
    told = {"Host": target.name, "Content-Type": "application/json", "User-Agent": _AGENT, **headers}
    connection = _connection(target, address)
    watch = threading.Timer(LONGEST_SECONDS, _cut, (connection,))
    watch.daemon = True
    watch.start()
    try:
        connection.request("POST", target.path, body=body, headers=told)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(_reason(error)) from error
    finally:
        watch.cancel()
        connection.close()
    if 300 <= status < 400:
        raise Unreachable(f"it answered {status}, and redirects are not followed", status)
    if not 200 <= status < 300:
        raise Unreachable(f"it answered {status}", status)
    return status


def _cut(connection: http.client.HTTPConnection) -> None:
    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _connection(target: Target, address: str) -> http.client.HTTPConnection:
    if target.scheme == "http":
        return http.client.HTTPConnection(address, target.port, timeout=TIMEOUT_SECONDS)
    return _PinnedHTTPS(target, address)


class _PinnedHTTPS(http.client.HTTPSConnection):
    """Connects to the address that was looked at; the certificate has to be that of the name."""

    def __init__(self, target: Target, address: str) -> None:
        super().__init__(target.host, target.port, timeout=TIMEOUT_SECONDS)
        self._address = address
        self._named = target.host

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), TIMEOUT_SECONDS)
        try:
            self.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=self._named)
        except BaseException:
            plain.close()
            raise


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"its certificate or its encryption is not accepted ({error.reason or 'unknown'})"
    if isinstance(error, TimeoutError):
        return f"it did not answer within {TIMEOUT_SECONDS:.0f} seconds"
    if isinstance(error, OSError):
        return f"it cannot be reached ({error.strerror or type(error).__name__})"
    return "its answer is not HTTP"
