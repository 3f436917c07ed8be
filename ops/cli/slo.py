"""`edge slo`: the service levels, and the files of Prometheus, Alertmanager and Grafana that are made from them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ops.cli.settings import plain_errors, read_settings
from ops.cli.table import show as show_table
from ops.cli.workplace import json_option, root_option

if TYPE_CHECKING:
    from ops.slo import Levels

HEALTH = "/api/health"
WIDE = 10_000  # an expression stays on its line
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - what EDGE_HOST may be


@click.group()
def slo() -> None:
    """Show the service levels, and write what Prometheus, Alertmanager and Grafana need to watch them.

    All of it is made from ops/slo.toml. docs/service-levels.md says how to install it and what to do about an alert.

    \b
    Exit status: 0 done, 1 ops/slo.toml cannot be read (the sentence names the field), 2 wrong usage.

    \b
    Examples:
      edge slo show
      edge slo rules > /etc/prometheus/edge-rules.yml
      edge slo prometheus > /etc/prometheus/prometheus.yml
      edge slo dashboard > edge-dashboard.json
    """


@slo.command()
@json_option
def show(*, as_json: bool) -> None:
    """Show every level with its figure."""
    import msgspec

    levels = _levels()
    if as_json:
        click.echo(msgspec.json.encode(levels))
        return
    show_table(("level", "figure"), [(name, str(value)) for name, value in _leaves(msgspec.to_builtins(levels))])


@slo.command()
def rules() -> None:
    """Print Prometheus' rules: recorded measures and alerts."""
    from ops.slo.rules import rules as built

    click.echo(_yaml(built(_levels())), nl=False)


@slo.command()
def dashboard() -> None:
    """Print Grafana's dashboard, to be imported."""
    from ops.slo.dashboard import dashboard as built

    click.echo(json.dumps(built(_levels()), indent=2, ensure_ascii=False))


@slo.command()
@click.option("--address", metavar="HOST:PORT", help="Where the functions' metrics are read; this instance by default.")
@click.option("--check-url", metavar="URL", help="What the uptime check asks for; this instance's health by default.")
@root_option
def prometheus(*, address: str | None, check_url: str | None, root: Path) -> None:
    """Print Prometheus' configuration: each function's metrics, the uptime check, the machine."""
    from ops.release.closure import function_names
    from ops.slo.scrape import Watched
    from ops.slo.scrape import prometheus as built

    scheme, door = _door()
    address = address or door
    watched = Watched(scheme, address, function_names(root), check_url or f"{scheme}://{address}{HEALTH}")
    click.echo(_yaml(built(watched)), nl=False)


@slo.command()
@click.option("--to", required=True, metavar="ADDRESS", help="Who gets the e-mails.")
@click.option("--from", "sender", required=True, metavar="ADDRESS", help="Whom they are from.")
@click.option("--smarthost", required=True, metavar="HOST:PORT", help="The server that takes them.")
@click.option("--smtp-user", metavar="NAME", help="The account there, if it wants one.")
@click.option("--smtp-password-file", metavar="FILE", help="A file with its password, for Alertmanager to read.")
@click.option("--sms-url", metavar="URL", help="Is called for an SMS, with Alertmanager's JSON.")
@click.option("--pager-url", metavar="URL", help="Is called for a page, with Alertmanager's JSON.")
def alertmanager(
    *, sms_url: str | None, pager_url: str | None, smtp_user: str | None, smtp_password_file: str | None, **mail: str
) -> None:
    """Print Alertmanager's configuration: each alert goes to whom ops/slo.toml says.

    Without a URL for SMS or pager, what should go there goes by e-mail. Whoever knows such a URL can send an SMS: keep
    the file from others.
    """
    from ops.slo.alertmanager import Mail
    from ops.slo.alertmanager import alertmanager as built

    sender = Mail(**mail, user=smtp_user, password_file=smtp_password_file)
    away = [name for name, url in (("SMS", sms_url), ("pager", pager_url)) if url is None]
    if away:
        click.echo(f"no URL for {' or '.join(away)}: e-mail alone, which wakes nobody", err=True)
    click.echo(_yaml(built(sender, sms_url, pager_url)), nl=False)


def _levels() -> "Levels":
    from ops.slo import LevelsError, load

    with plain_errors(LevelsError):
        return load()


def _door() -> tuple[str, str]:
    """The scheme and address at which this instance is reached from its machine."""
    settings = read_settings()
    if settings.tls_certificate is not None:
        return "https", f"{settings.tls_names[0]}:{settings.tls_port}"
    host = "127.0.0.1" if settings.host in EVERYWHERE else settings.host
    return "http", f"[{host}]:{settings.port}" if ":" in host else f"{host}:{settings.port}"


def _leaves(level: Any, name: str = "") -> list[tuple[str, Any]]:
    """Each figure under its dotted name; a list of plain values is one."""
    if isinstance(level, dict):
        return [leaf for key, value in level.items() for leaf in _leaves(value, f"{name}.{key}".lstrip("."))]
    if isinstance(level, (list, tuple)) and any(isinstance(one, dict) for one in level):
        return [leaf for place, value in enumerate(level, 1) for leaf in _leaves(value, f"{name}.{place}")]
    if isinstance(level, (list, tuple)):
        return [(name, ", ".join(map(str, level)))]
    return [(name, f"{level:.10g}" if isinstance(level, float) else level)]


def _yaml(data: dict[str, Any]) -> str:
    import yaml

    return str(yaml.safe_dump(data, sort_keys=False, width=WIDE, allow_unicode=True))
