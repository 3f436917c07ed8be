"""The whole configuration as one text, which knows its own fingerprint."""

import hashlib
import re

from nginx.directives import block, directive
from nginx.locations import upstreams
from nginx.maps import variables
from nginx.servers import servers
from nginx.site import Site

FINGERPRINT_MARK = "fingerprint-of-this-text"
FINGERPRINT_LINE = re.compile(r"\A# Built by edge; changes by hand are lost\. ([0-9a-f]{32})\n")
TEMP_FOLDERS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
# Connections of one client at a time; a stream holds one, a browser opens at most six.
CONNECTIONS_A_CLIENT = 100
# After a reload the old workers finish what they carry. As long as DRAIN_S in ops/host/watch.py: a deploy that changes
# routes must not cut a stream that the host lets go on.
SHUTDOWN_TIMEOUT = "300s"
# No query string, no header with a key in it. The path is as it was sent, so bytes over 0x7F pass unescaped.
ACCESS_LOG = (
    '{"time":"$time_iso8601","id":"$request_key","function":"$function","client":"$remote_addr",'
    '"method":"$request_method","path":"$request_path","status":$status_number,"bytes":$body_bytes_sent,'
    '"seconds":$request_time,"upstreamSeconds":"$upstream_response_time","upstreamStatus":"$upstream_status",'
    '"limit":"$limit_req_status","protocol":"$server_protocol","agent":"$http_user_agent"}'
)


def build(site: Site) -> str:
    """The text of nginx.conf; its first line and `GET /-/configuration` hold the same fingerprint of it."""
    lines = [f"# Built by edge; changes by hand are lost. {FINGERPRINT_MARK}", *_main(site)]
    lines += block(("http",), _http(site))
    text = "\n".join(lines) + "\n"
    return text.replace(FINGERPRINT_MARK, _hash(text))


def fingerprint(text: str) -> str | None:
    """What nginx answers at `/-/configuration` when it runs `text`; None when it was not built here or was edited."""
    found = FINGERPRINT_LINE.match(text)
    if found is None:
        return None
    return found[1] if _hash(text.replace(found[1], FINGERPRINT_MARK)) == found[1] else None


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _main(site: Site) -> list[str]:
    user = [directive("user", *(name for name in (site.user, site.group) if name))] if site.user else []
    return [
        *user,
        "worker_processes auto;",
        *([directive("worker_rlimit_nofile", site.open_files)] if site.open_files else []),
        directive("pid", site.in_run_dir("nginx.pid")),
        directive("error_log", f"{site.log_dir}/error.log", "warn"),
        directive("worker_shutdown_timeout", SHUTDOWN_TIMEOUT),
        *block(("events",), [directive("worker_connections", site.connections)]),
    ]


def _http(site: Site) -> list[str]:
    return [
        "types { }",
        "default_type application/octet-stream;",
        *(directive(f"{name}_temp_path", site.in_run_dir(f"nginx-temp/{name}")) for name in TEMP_FOLDERS),
        "server_tokens off;",
        "map_hash_bucket_size 512;",
        "server_names_hash_bucket_size 512;",
        *_limits(),
        *_compression(),
        *_real_client(site),
        *variables(site),
        *_rates(site),
        "log_format edge escape=json " + "'" + ACCESS_LOG + "';",
        directive("access_log", f"{site.log_dir}/access.json", "edge"),
        *_proxying(),
        *(_tls() if site.tls_hosts else []),
        *upstreams(site),
        *servers(site, FINGERPRINT_MARK),
    ]


def _limits() -> list[str]:
    return [
        "client_header_timeout 10s;",
        "client_body_timeout 10s;",
        "send_timeout 30s;",
        "keepalive_timeout 65s;",
        "reset_timedout_connection on;",
        "large_client_header_buffers 4 8k;",
        "client_max_body_size 1m;",
        "client_body_buffer_size 128k;",
    ]


def _compression() -> list[str]:
    types = "application/json application/problem+json application/javascript text/javascript text/css image/svg+xml"
    return [
        "gzip on;",
        "gzip_vary on;",
        "gzip_proxied any;",
        "gzip_min_length 512;",
        f"gzip_types {types};",
    ]


def _real_client(site: Site) -> list[str]:
    if not site.trusted_proxies:
        return []
    return [
        *(directive("set_real_ip_from", network) for network in site.trusted_proxies),
        "real_ip_header X-Forwarded-For;",
        "real_ip_recursive on;",
    ]


def _rates(site: Site) -> list[str]:
    # A whole minute's requests at once, then one each 60/rate seconds: without nodelay nginx would queue them.
    burst = ["burst=" + str(site.rate_limit - 1), "nodelay"] if site.rate_limit > 1 else []
    return [
        directive("limit_req_zone", "$rate_key", "zone=requests:10m", f"rate={site.rate_limit}r/m"),
        directive("limit_req", "zone=requests", *burst),
        "limit_req_status 429;",
        "limit_req_log_level info;",
        "limit_conn_zone $rate_key zone=connections:10m;",
        directive("limit_conn", "connections", CONNECTIONS_A_CLIENT),
        "limit_conn_status 429;",
        "limit_conn_log_level info;",
    ]


def _proxying() -> list[str]:
    return [
        "proxy_http_version 1.1;",
        "proxy_set_header Connection close;",
        "proxy_set_header Host $host;",
        "proxy_set_header X-Request-ID $request_key;",
        "proxy_set_header X-Real-IP $remote_addr;",
        # Replaced, not appended: what a client claims of itself stops here.
        "proxy_set_header X-Forwarded-For $remote_addr;",
        "proxy_set_header X-Forwarded-Proto $scheme;",
        # For whoever reaches a function's socket, such as `edge eval-chat`: visitors ask now.
        'proxy_set_header X-Edge-Now "";',
        'proxy_set_header X-Edge-Rehearsal "";',
        "proxy_connect_timeout 2s;",
        "proxy_send_timeout 10s;",
        "proxy_next_upstream off;",
        "proxy_buffer_size 16k;",
        "proxy_buffers 16 16k;",
        "proxy_max_temp_file_size 0;",
        "proxy_intercept_errors off;",
    ]


def _tls() -> list[str]:
    # Mozilla's intermediate profile, 5.7.
    ciphers = (
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
        "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
        "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
    )
    return [
        "ssl_protocols TLSv1.2 TLSv1.3;",
        directive("ssl_ciphers", ciphers),
        "ssl_prefer_server_ciphers off;",
        "ssl_session_cache shared:tls:10m;",
        "ssl_session_timeout 1d;",
        "ssl_session_tickets off;",
    ]
