"""Mails through real servers: encrypted from the start or later, with a password, and what is refused."""

import asyncio
import threading
from contextlib import asynccontextmanager, suppress

import pytest

from core.handoff import mail
from core.handoff.mail import MailError, compose, send
from tests.parts.receivers import TLS, mailbox

# aiosmtpd says so of a server that is encrypted from the start, too.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
PASSWORD = "a p@ss/word: %"
MAIL = compose(
    message_id="1", sender="edge@shop.example", to="ada@shop.example", reply_to=None, lines=["Subject", "Hello."]
)


@pytest.fixture
def trusted(monkeypatch):
    """This machine trusts the authority of the server's certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "localhost.pem"))


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("encryption", ["starttls", "tls"])
async def test_a_mail_with_a_password_is_delivered_encrypted_and_a_wrong_one_is_told(encryption):
    with mailbox(encryption, PASSWORD) as box:
        await send(box.url_of(PASSWORD), MAIL)
        assert (["Subject"], [True]) == ([mail["subject"] for mail in box.mails], box.encrypted)
        with pytest.raises(MailError, match="refuses the password: 535"):
            await send(box.url_of("another"), MAIL)
        with pytest.raises(MailError, match="wants another login: 530"):
            await send(box.url_of(None), MAIL)
    assert 1 == len(box.mails)


@pytest.mark.parametrize("encryption", ["starttls", "tls"])
async def test_a_server_whose_certificate_is_not_trusted_gets_neither_mail_nor_password(encryption):
    with mailbox(encryption, PASSWORD) as box:
        with pytest.raises(MailError, match="cannot be used: SSLCertVerificationError"):
            await send(box.url_of(PASSWORD), MAIL)
        assert [] == box.mails


@pytest.mark.usefixtures("trusted")
async def test_a_certificate_of_another_name_is_not_enough():
    with mailbox("tls") as box:
        with pytest.raises(MailError, match="cannot be used: SSLCertVerificationError"):
            await send(box.url_of(None, host="127.0.0.1"), MAIL)
        assert [] == box.mails


async def test_no_password_is_sent_to_a_server_without_encryption():
    with mailbox("none", PASSWORD) as box:
        with pytest.raises(MailError, match="offers no encryption"):
            await send(box.url_of(PASSWORD), MAIL)
        assert [] == box.mails


@asynccontextmanager
async def server(talk):
    """A server of mails that is made of one conversation; its address, and whether its client has left."""
    left = asyncio.Event()

    async def served(reader, writer):
        with suppress(ConnectionError):
            await talk(reader, writer)
            await reader.read()
        left.set()
        writer.close()

    async with await asyncio.start_server(served, "127.0.0.1", 0) as listening:
        yield f"smtp://127.0.0.1:{listening.sockets[0].getsockname()[1]}", left


async def test_a_server_that_never_comes_to_its_point_is_left_after_the_time_of_one_delivery(monkeypatch):
    monkeypatch.setattr(mail, "TIMEOUT_S", 0.3)

    async def talk(_, writer):
        while not writer.is_closing():
            writer.write(b"220-hello\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    threads = threading.active_count()
    async with server(talk) as (url, left):
        with pytest.raises(MailError, match="cannot be used: TimeoutError"):
            await send(url, MAIL)
        await left.wait()
    assert threading.active_count() <= threads + 1  # the event loop keeps the one that was waited in


async def test_a_delivery_that_is_broken_off_leaves_the_server_at_once():
    reached = asyncio.Event()

    async def talk(_, writer):
        writer.write(b"220-hello\r\n")
        reached.set()

    async with server(talk) as (url, left):
        sending = asyncio.create_task(send(url, MAIL))
        await reached.wait()
        sending.cancel()
        await left.wait()
    assert sending.cancelled()


@pytest.mark.parametrize("goodbye", [b"", b"421 too late\r\n", b"\xff\xfe\r\n"])
async def test_a_mail_that_was_taken_is_delivered_whatever_the_server_says_to_the_goodbye(monkeypatch, goodbye):
    monkeypatch.setattr(mail, "GOODBYE_S", 0.05)
    taken = []

    async def talk(reader, writer):
        writer.write(b"220 hello\r\n")
        while (line := await reader.readline()) and not line.startswith(b"QUIT"):
            if line.startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                taken.append(await reader.readuntil(b"\r\n.\r\n"))
            writer.write(b"250 fine\r\n")
        writer.write(goodbye)

    async with server(talk) as (url, left):
        await send(url, MAIL)
        await left.wait()
    assert 1 == len(taken)
