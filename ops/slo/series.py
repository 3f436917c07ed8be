"""The series that rules and dashboard are made of, each with what exposes it. Nothing else may be asked for."""

FUNCTIONS_JOB = "edge"
UPTIME_JOB = "edge_uptime"

# Exposed by every function at /metrics/NAME (core/observe/metrics.py, core/services.py).
REQUESTS = "edge_requests_total"
RESPONSE_BUCKETS = "edge_request_seconds_bucket"
RESPONSE_COUNT = "edge_request_seconds_count"
PART_BUCKETS = "edge_part_seconds_bucket"
STREAM_BUCKETS = "edge_stream_first_seconds_bucket"
CACHE_LOOKUPS = "edge_cache_lookups_total"
CACHE_HITS = ("local", "disk")  # its results that are answers of a cache; `stale` is an outage that was bridged
DEGRADED = "edge_degraded_total"
REFUSED = "edge_refused_total"
IN_FLIGHT = "edge_in_flight"
CIRCUIT_OPEN = "edge_embed_circuit_open"
PSS = "edge_memory_pss_bytes"
EMBED_WAITING = "edge_embed_waiting"
EMBED_LIMIT = "edge_embed_waiting_limit"
CHAT_WAITING = "edge_chat_waiting"
CHAT_LIMIT = "edge_chat_waiting_limit"
OURS = frozenset(
    {
        REQUESTS,
        RESPONSE_BUCKETS,
        RESPONSE_COUNT,
        PART_BUCKETS,
        STREAM_BUCKETS,
        CACHE_LOOKUPS,
        DEGRADED,
        REFUSED,
        IN_FLIGHT,
        CIRCUIT_OPEN,
        PSS,
        EMBED_WAITING,
        EMBED_LIMIT,
        CHAT_WAITING,
        CHAT_LIMIT,
    }
)

# Bounds of the buckets of all times (core/observe/metrics.py): at each of them a share of requests is known.
BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)

# Prometheus' own, blackbox_exporter's and node_exporter's, under the names that they have had for years.
UP = "up"
PROBE_SUCCESS = "probe_success"
CERTIFICATE_EXPIRY = "probe_ssl_earliest_cert_expiry"
MEMORY_AVAILABLE = "node_memory_MemAvailable_bytes"
MEMORY_TOTAL = "node_memory_MemTotal_bytes"
DISK_AVAILABLE = "node_filesystem_avail_bytes"
DISK_SIZE = "node_filesystem_size_bytes"
OTHERS = frozenset(
    {
        UP,
        PROBE_SUCCESS,
        CERTIFICATE_EXPIRY,
        MEMORY_AVAILABLE,
        MEMORY_TOTAL,
        DISK_AVAILABLE,
        DISK_SIZE,
    }
)

# Whatever makes backups writes the time (Unix, seconds) of the last one that it restored for a try into a file of
# node_exporter's textfile collector.
BACKUP_VERIFIED = "edge_backup_verified_timestamp_seconds"

# What visitors ask for: not the uptime check, which answers 503 on purpose, and not what operators read.
VISITORS = 'function!="health",route!~"/(metrics|docs)/.*"'
SEARCH = 'function="search"'
DISKS = 'fstype!~"tmpfs|ramfs|squashfs|overlay|iso9660"'
