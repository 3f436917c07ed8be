"""`edge contact`: whom to tell of a shop's hand-offs. Only an operator names addresses that we call."""

import json
import secrets
from urllib.parse import urlsplit

import click

from core.db.contacts import read_contact, set_contact
from core.db.handoffs import Contact
from core.settings import MAIL_ADDRESS
from ops.cli.database import owner_connection

SECRET_BYTES = 32
shop_option = click.option("--shop", "shop_id", required=True, type=click.IntRange(1, 2**31 - 1), help="The shop.")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")


@click.group()
def contact() -> None:
    """Set and show whom to tell when a visitor of a shop asks for a human.

    \b
    Examples:
      edge contact set --shop 1 --email owner@shop.example
      edge contact set --shop 1 --email owner@shop.example --webhook https://shop.example/hooks/chat
      edge contact show --shop 1
      edge contact set --shop 1              nobody, or EDGE_OWNER_EMAIL
    """


@contact.command("set")
@shop_option
@click.option("--email", help="Where a mail goes when somebody waits.")
@click.option("--webhook", help="An http:// or https:// address that is called for each event.")
@json_option
def set_(*, shop_id: int, email: str | None, webhook: str | None, as_json: bool) -> None:
    """Put this in the place of what was set before; a webhook gets a new secret, which is shown once."""
    if email is not None and not MAIL_ADDRESS.fullmatch(email):
        raise click.UsageError(f"--email: {email!r} is not an address such as owner@shop.example")
    if webhook is not None and (urlsplit(webhook).scheme not in {"http", "https"} or not urlsplit(webhook).hostname):
        raise click.UsageError(f"--webhook: {webhook!r} is not an http:// or https:// address")
    secret = secrets.token_urlsafe(SECRET_BYTES) if webhook else None
    with owner_connection() as owner:
        set_contact(owner, shop_id, Contact(email, webhook, secret))
    if as_json:
        click.echo(json.dumps({"shopId": shop_id, "email": email, "webhook": webhook, "secret": secret}))
    elif secret:
        click.echo(secret)
        click.echo("keep the secret above now, it is not shown again: it signs each call", err=True)


@contact.command()
@shop_option
@json_option
def show(*, shop_id: int, as_json: bool) -> None:
    """Show whom a shop named; never the secret."""
    with owner_connection() as owner:
        found = read_contact(owner, shop_id)
    if as_json:
        click.echo(json.dumps({"shopId": shop_id, "email": found.email, "webhook": found.webhook_url}))
    else:
        click.echo(f"email    {found.email or '-'}\nwebhook  {found.webhook_url or '-'}")
