"""Mails through real servers: encrypted from the start or later, with a password, and what is refused."""

import pytest

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
