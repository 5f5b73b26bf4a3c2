"""What can be wrong with a webhook.

WebhooksError
├── InvalidAddress      an address that nothing is sent to
├── Unreachable         what an attempt to deliver met with
├── NotSigned           a push whose signature, token or time is wrong
├── Replayed            a push that came before
├── NotUnderstood       a push whose body is none
├── NotFinished         a delivery that is still on its way
└── UnknownAlert        nobody is told of such a thing by e-mail
"""

from __future__ import annotations

from collections.abc import Iterable


class WebhooksError(Exception):
    """Base of this package's refusals; the message is fit for a person."""


class InvalidAddress(WebhooksError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"Nothing is sent to that address: {reason}.")
        self.reason = reason


class Unreachable(WebhooksError):
    """`status` is that of the answer; None where there was none."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class NotSigned(WebhooksError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"The push is refused: {reason}. Compare the secret at both ends.")
        self.reason = reason


class Replayed(WebhooksError):
    def __init__(self) -> None:
        super().__init__("This push came before and was taken. Nothing is done again; push anew if need be.")


class NotUnderstood(WebhooksError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"The push cannot be read: {reason}. Send it as application/json.")


class NotFinished(WebhooksError):
    def __init__(self) -> None:
        super().__init__("The delivery is still on its way. Send it again once it has ended.")


class UnknownAlert(WebhooksError):
    def __init__(self, kind: str, known: Iterable[str]) -> None:
        super().__init__(f"There are no e-mails about {kind!r}. Choose of {', '.join(known)}.")
        self.kind = kind
