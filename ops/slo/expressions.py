"""What is measured, in PromQL: the same for an alert and for the panel that shows it."""

from ops.slo import series as of

WINDOW_S = 300
QUANTILES = (0.5, 0.95, 0.99)
UPTIME = f'{of.PROBE_SUCCESS}{{job="{of.UPTIME_JOB}"}}'
FUNCTIONS_UP = f'{of.UP}{{job="{of.FUNCTIONS_JOB}"}}'
# Recorded by ops/slo/rules.py, by function.
ERRORS = "edge:errors:ratio_5m"
CACHE_HITS = "edge:cache_hits:ratio_5m"
DEGRADED = "edge:degraded:ratio_5m"  # and by rung


def duration(seconds: float) -> str:
    """A time as Prometheus writes it, in its largest whole unit."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        if seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds * 1000:.0f}ms"


def unavailable(window_s: float) -> str:
    """The recorded share of a window without service, by `sli`: of requests, and of uptime checks."""
    return f"edge:unavailable:ratio_{duration(window_s)}"


def response(q: float) -> str:
    """A recorded quantile of response times, by function."""
    return f"edge:response_seconds:p{q * 100:g}_{duration(WINDOW_S)}"


def rate(metric: str, labels: str = of.VISITORS, window_s: float = WINDOW_S, by: str = "function") -> str:
    """So many a second; of all together when `by` is empty."""
    grouped = f"sum by ({by})" if by else "sum"
    return f"{grouped} (rate({metric}{{{labels}}}[{duration(window_s)}]))"


def quantile(q: float, buckets: str, labels: str = of.VISITORS, by: str = "function") -> str:
    """A quantile of a histogram."""
    return f"histogram_quantile({q:g}, {rate(buckets, labels, by=f'{by}, le')})"


def errors(window_s: float = WINDOW_S, by: str = "function") -> str:
    """Failed requests a second; 0, and not nothing, for those without any."""
    failed = of.VISITORS + ',status=~"5.."'
    return f"({rate(of.REQUESTS, failed, window_s, by)} or 0 * {rate(of.REQUESTS, window_s=window_s, by=by)})"


def cache_hits() -> str:
    """The share of lookups that a cache answered."""
    hits = rate(of.CACHE_LOOKUPS, f'result=~"{"|".join(of.CACHE_HITS)}"')
    return f"({hits} or 0 * {rate(of.CACHE_LOOKUPS, '')}) / {rate(of.CACHE_LOOKUPS, '')}"


def degraded() -> str:
    """The share of answers on each lower rung."""
    lower = rate(of.DEGRADED, "", by="function, rung")
    return f"{lower} / on (function) group_left () {rate(of.REQUESTS)}"


def circuit_open() -> str:
    """1 while a function does not ask the embedding model any more."""
    return f"max by (function) ({of.CIRCUIT_OPEN})"


def memory_used() -> str:
    """The share of a machine's memory in use."""
    return f"1 - {of.MEMORY_AVAILABLE} / {of.MEMORY_TOTAL}"


def disk_used() -> str:
    """The share of a file system in use."""
    return f"1 - {of.DISK_AVAILABLE}{{{of.DISKS}}} / {of.DISK_SIZE}{{{of.DISKS}}}"


def certificate_left() -> str:
    """Seconds until the certificate ends."""
    return f"{of.CERTIFICATE_EXPIRY} - time()"


def backup_age() -> str:
    """Seconds since the last verified backup."""
    return f"time() - {of.BACKUP_VERIFIED}"


def queue_used(waiting: str, limit: str) -> str:
    """The share of a queue's places that are taken."""
    return f"max by (function) ({waiting} / {limit})"
