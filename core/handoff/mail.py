"""A mail to an owner, by SMTP (RFC 5321), translated into what the outbox does next."""

import asyncio
import re
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from core.outbox.outbox import Undeliverable
from core.settings import MAIL_ADDRESS

TIMEOUT_S = 10.0
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
    """Hand a mail to the server; raises MailError, and Undeliverable when the server will never take it."""
    await asyncio.to_thread(_send, url, mail)


def _send(url: str, mail: EmailMessage) -> None:
    import smtplib

    try:
        _exchange(url, mail)
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        if all(code in PERMANENT for code in codes):
            raise Undeliverable(f"the mail server refuses the recipient: {codes[0]}") from error
        raise MailError(f"the mail server does not take the recipient now: {codes[0]}") from error
    except smtplib.SMTPAuthenticationError as error:
        raise MailError(f"the mail server refuses the password: {error.smtp_code}") from error
    except smtplib.SMTPResponseException as error:
        if error.smtp_code in OF_LOGIN:
            raise MailError(f"the mail server wants another login: {error.smtp_code}") from error
        if error.smtp_code in PERMANENT:
            raise Undeliverable(f"the mail server refuses the mail: {error.smtp_code}") from error
        raise MailError(f"the mail server does not take the mail now: {error.smtp_code}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise MailError(f"the mail server cannot be used: {type(error).__name__}") from error


def _exchange(url: str, mail: EmailMessage) -> None:
    import smtplib

    parts = urlsplit(url)
    host, port = parts.hostname or "localhost", parts.port or PORTS[parts.scheme]
    tls = ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=tls)
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    with server:
        server.ehlo_or_helo_if_needed()
        encrypted = parts.scheme == "smtps"
        if not encrypted and server.has_extn("starttls"):
            server.starttls(context=tls)
            encrypted = True
        if parts.username:
            if not encrypted:
                raise MailError("the mail server offers no encryption, and a password is not sent without")
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(mail)
