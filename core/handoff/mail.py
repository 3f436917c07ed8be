"""A mail to an owner, by SMTP (RFC 5321), translated into what the outbox does next."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from core.outbox.outbox import Undeliverable
from core.settings import MAIL_ADDRESS

if TYPE_CHECKING:
    # Imported where it is used: most processes never send a mail.
    from aiosmtplib import SMTP

TIMEOUT_S = 30.0
GOODBYE_S = 1.0
PORTS = {"smtp": 25, "smtps": 465}
PERMANENT = range(500, 600)
# RFC 4954, 6: about the login, not the mail; an operator may set that right.
OF_LOGIN = frozenset({530, 534, 535, 538})
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class MailError(Exception):
    """The mail server is away or does not take the mail now."""


def compose(*, message_id: str, sender: str, to: str, reply_to: str | None, lines: Sequence[str]) -> EmailMessage:
    """A plain text mail; the first line is its subject. What visitors wrote cannot become a header."""
    mail = EmailMessage()
    mail["Message-ID"] = f"<{message_id}@cutting-edge>"
    mail["From"], mail["To"] = sender, to
    if reply_to and MAIL_ADDRESS.fullmatch(reply_to) and reply_to.isascii() and reply_to.isprintable():
        mail["Reply-To"] = reply_to
    mail["Subject"] = lines[0]
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(_CONTROL.sub("", "\n".join(lines[1:])) + "\n")
    return mail


async def send(url: str, mail: EmailMessage) -> None:
    """Hand a mail to the server, within TIMEOUT_S; raises MailError, and Undeliverable when it will never be taken."""
    client = await asyncio.to_thread(_client, url)  # its first import takes a while
    try:
        with _translated():
            async with asyncio.timeout(TIMEOUT_S):
                await client.connect()
                await _log_in(client, url)
                await client.send_message(mail)
        await _leave(client)
    finally:
        client.close()


def _client(url: str) -> "SMTP":
    from aiosmtplib import SMTP

    parts = urlsplit(url)
    # Without a time for each step: a server that says a little now and then would be given them all.
    return SMTP(
        hostname=parts.hostname or "localhost",
        port=parts.port or PORTS[parts.scheme],
        use_tls=parts.scheme == "smtps",
        timeout=None,
    )


async def _log_in(client: "SMTP", url: str) -> None:
    parts = urlsplit(url)
    if not parts.username:
        return
    if client.get_transport_info("sslcontext") is None:
        raise MailError("the mail server offers no encryption, and a password is not sent without")
    await client.login(unquote(parts.username), unquote(parts.password or ""))


async def _leave(client: "SMTP") -> None:
    """Say goodbye (RFC 5321, 4.1.1.10): the mail was taken, whatever the server says to that."""
    from aiosmtplib import SMTPException

    with suppress(SMTPException, OSError):
        async with asyncio.timeout(GOODBYE_S):
            await client.quit()


@contextmanager
def _translated() -> Iterator[None]:
    import aiosmtplib

    try:
        yield
    except aiosmtplib.SMTPRecipientsRefused as error:
        codes = [one.code for one in error.recipients]
        if all(code in PERMANENT for code in codes):
            raise Undeliverable(f"the mail server refuses the recipient: {codes[0]}") from error
        raise MailError(f"the mail server does not take the recipient now: {codes[0]}") from error
    except aiosmtplib.SMTPAuthenticationError as error:
        raise MailError(f"the mail server refuses the password: {error.code}") from error
    except aiosmtplib.SMTPResponseException as error:
        if error.code in OF_LOGIN:
            raise MailError(f"the mail server wants another login: {error.code}") from error
        if error.code in PERMANENT:
            raise Undeliverable(f"the mail server refuses the mail: {error.code}") from error
        raise MailError(f"the mail server does not take the mail now: {error.code}") from error
    except (OSError, aiosmtplib.SMTPException) as error:
        cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
        raise MailError(f"the mail server cannot be used: {type(cause).__name__}") from error
