"""Alertmanager's configuration: an alert goes to each receiver that its label `reaches` names."""

from typing import Any, get_args

import msgspec

from ops.slo.levels import Receiver

REPEAT = "4h"


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """Where e-mails go, and the server that takes them; `smarthost` is host:port."""

    to: str
    sender: str
    smarthost: str
    user: str | None = None
    password_file: str | None = None


def alertmanager(mail: Mail, sms_url: str | None = None, pager_url: str | None = None) -> dict[str, Any]:
    """The configuration, as data; the URLs are called with Alertmanager's JSON (`webhook_config`).

    What would go to a receiver that there is not goes by e-mail, as what no route takes.
    """
    receivers: dict[Receiver, dict[str, Any]] = {"email": {"email_configs": [{"to": mail.to, "send_resolved": True}]}}
    if sms_url is not None:
        receivers["sms"] = {"webhook_configs": [{"url": sms_url, "send_resolved": True}]}
    if pager_url is not None:
        receivers["pager"] = {"webhook_configs": [{"url": pager_url, "send_resolved": True}]}
    there = [receiver for receiver in get_args(Receiver) if receiver in receivers]
    return {
        "global": _smtp(mail),
        "route": {
            "receiver": "email",
            "group_by": ["alertname"],  # a machine that goes takes all functions along: one call
            "group_wait": "10s",
            "group_interval": "5m",
            "repeat_interval": REPEAT,
            "routes": [_route(receiver) for receiver in there],
        },
        "receivers": [{"name": name, **receivers[name]} for name in there],
    }


def _route(receiver: Receiver) -> dict[str, Any]:
    return {"receiver": receiver, "matchers": [f'reaches=~"(.+,)?{receiver}(,.+)?"'], "continue": True}


def _smtp(mail: Mail) -> dict[str, str]:
    given = {
        "smtp_smarthost": mail.smarthost,
        "smtp_from": mail.sender,
        "smtp_auth_username": mail.user,
        "smtp_auth_password_file": mail.password_file,
    }
    return {key: value for key, value in given.items() if value is not None}
