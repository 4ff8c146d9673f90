"""Help of the sections about the process, and of the keys that no section holds."""

from __future__ import annotations

from daemon.config.help import Fields, Help, Tables
from daemon.config.schema_process import (
    ApiModel,
    BackupModel,
    ForwarderModel,
    LoggingModel,
    ObserveModel,
    PanelModel,
    StorageModel,
    TlsModel,
    TracesModel,
)

TOP: Fields = {
    "config_version": Help("Version of the file's shape. It must stand in every file.", "CFG-5", "1"),
    "data_dir": Help(
        "Folder of store, logs and secrets, relative to this file; all other paths are relative to it. "
        "TERRACE_DATA_DIR goes before it.",
        "",
        "/var/lib/terrace",
    ),
    "engine": Help("How the engine as a whole works and counts.", "GRP-1"),
    "accounts": Help("Exchange accounts by a name of yours, the paper exchange among them.", "SIG-4"),
    "routes": Help(
        'Which account trades an alert: the exchange name in it, or its source, to an account. "*" is everything else; '
        "an alert that no route fits is rejected.",
        "SIG-4",
        '{BINANCE: binance, "*": paper}',
    ),
    "sources": Help("Who may send alerts, by a name of yours; the webhook of each is /hook/NAME.", "SIG-5"),
    "strategy": Help("How trades are entered, scaled and ended.", "GRP-3"),
    "pool": Help("How many trades may be open.", "POOL-1"),
    "queue": Help("Alerts that wait because no place is free, and who goes first.", "QUE-1"),
    "risk": Help("The risk engine: deep losers are closed with profit taken from winners.", "RISK-1"),
    "limits": Help("Bounds on what may be open and lost. null is no limit.", "POOL-3"),
    "precision": Help("Trading rules of instruments: ticks, steps, minimums.", "PRC-1"),
    "execution": Help("How orders are sent, repeated and watched.", "EXIT-4"),
    "storage": Help("The store, which holds everything that must survive.", "SIG-9"),
    "vault": Help("The built-in store of secrets, encrypted; `vault:NAME` refers to them.", "SEC-3"),
    "api": Help("The gRPC interface that CLI, panel and forwarder use.", "SEC-2"),
    "forwarder": Help(
        "The webhook forwarder, which takes alerts over HTTP and hands them on; the only part meant to be reached from "
        "outside, behind TLS.",
        "SIG-12",
    ),
    "panel": Help("The panel in the browser."),
    "observe": Help("Metrics and health over HTTP: /metrics, /healthz, /readyz."),
    "logging": Help("The log file.", "LOG-1"),
    "alerts": Help("When an alert is raised.", "LOG-5"),
    "notifications": Help("Where alerts are sent to.", "LOG-5", "[{url: env:TELEGRAM_URL, severity: warning}]"),
    "backup": Help("Copies of the store."),
}

_STORAGE: Fields = {
    "url": Help(
        "Where the store is: a SQLite file in the data directory, or a PostgreSQL database. A URL with a password is "
        "given as a reference.",
        "",
        "postgresql://localhost/terrace",
    ),
    "durability": Help(
        "full: what was acknowledged survives a power cut. normal: it survives a crash of the program, and writes are "
        "faster.",
        "SIG-9",
    ),
    "keep_events_days": Help("Older lines of the event log are deleted; signals, trades and orders are kept.", "LOG-2"),
    "standby": Help(
        "true, on each of several daemons with one PostgreSQL store: one leads, the others wait to take over. The "
        "leader sends orders only while the store confirms its lead.",
        "ORD-2",
    ),
}

_API: Fields = {
    "address": Help("Where it listens. Port 0 lets the system choose one.", "SEC-2"),
    "unix_socket": Help(
        "Whether it also listens at terrace.sock in the data directory, open to its owner only.", "SEC-2"
    ),
    "tls": Help("Certificate of the API; without one it is meant for this machine only.", "SEC-2"),
    "tokens": Help("The file that names who may call, with role, expiry and the hash of each token.", "SEC-1"),
    "public": Help("true: address may be one that other machines reach, though that was refused.", "SEC-2"),
}

_TLS: Fields = {
    "certificate": Help("Certificate of the API, PEM; with intermediate ones below it.", "SEC-2", "tls/api.crt"),
    "key": Help("Its private key, PEM.", "SEC-2", "tls/api.key"),
    "client_ca": Help(
        "Callers must show a certificate signed by this authority, PEM. null: a token is enough.",
        "SEC-1",
        "tls/clients.crt",
    ),
}

_FORWARDER: Fields = {
    "address": Help(
        "Where webhooks are taken. TradingView reaches ports 80 and 443 only: put a proxy with TLS before it.", "SIG-12"
    ),
    "spool": Help("File in which alerts wait while the daemon is away.", "SIG-12"),
    "deliver_timeout_ms": Help(
        "How long an answer of the daemon is waited for; TradingView gives up after 3000 ms.", "SIG-12"
    ),
    "daemon": Help(
        "Where the daemon is. null: the one of this file. With a standby, both, with a comma between: alerts go to "
        "the one that leads.",
        "SIG-12",
        "127.0.0.1:7461",
    ),
    "max_spooled": Help(
        "Alerts that may wait in the spool; then new ones get 503, and TradingView sends them again.", "SIG-8"
    ),
    "max_spool_mb": Help("The same, by size.", "SIG-8"),
    "trusted_proxies": Help(
        "Proxies whose X-Forwarded-For is believed when addresses are checked.", "SIG-5", "[127.0.0.1, 10.0.0.0/8]"
    ),
    "public": Help(
        "true: address may be one that other machines reach. Alerts and their secrets travel in clear there: better a "
        "proxy with TLS on this machine.",
        "SEC-2",
    ),
}

_PANEL: Fields = {
    "address": Help("Where it listens."),
    "theme": Help("How it looks in a browser that has not chosen."),
    "refresh_ms": Help("How often its tables are brought up to date."),
    "session_idle_minutes": Help(
        "A login ends when nobody used it for this long. What a page fetches by itself is no use.", "SEC-2"
    ),
    "session_max_hours": Help("A login ends after this long, used or not.", "SEC-2"),
    "hosts": Help(
        "Names a browser may reach it under, besides localhost, IP addresses and the one in address: those of a proxy "
        "before it. Any other is refused, so that no page elsewhere can pass off its own name as this machine's.",
        "SEC-2",
        "[terrace.example]",
    ),
    "public": Help("true: address may be one that other machines reach.", "SEC-2"),
}

_OBSERVE: Fields = {
    "address": Help("Where it listens."),
    "public": Help("true: address may be one that other machines reach.", "SEC-2"),
    "traces": Help("Traces of signals, sent to a collector, for Terrace installed with `[traces]` behind its name."),
}

_TRACES: Fields = {
    "endpoint": Help(
        "Where traces are sent, OTLP over HTTP, by daemon and forwarder. null: nothing is traced.",
        "",
        "http://127.0.0.1:4318/v1/traces",
    ),
    "sample_percent": Help("How many of the signals are traced."),
}

_LOGGING: Fields = {
    "level": Help("How much is logged; each level holds those after it.", "LOG-1"),
    "file": Help("The log, one JSON object per line.", "LOG-1"),
    "rotate_mb": Help("A new file begins at this size, and each day.", "LOG-2"),
    "keep_days": Help("Older files are deleted.", "LOG-2"),
    "keep_mb": Help("The oldest files are deleted beyond this sum.", "LOG-2"),
}

_BACKUP: Fields = {
    "every_hours": Help("How often a copy is made. 0: never."),
    "keep": Help("How many copies are kept; older ones are deleted."),
    "directory": Help("Folder of the copies."),
    "passphrase": Help(
        "Where the passphrase is kept with which copies are encrypted. null: they are not.",
        "SEC-3",
        "file:secrets/backup",
    ),
}

TABLES: Tables = {
    StorageModel: _STORAGE,
    ApiModel: _API,
    TlsModel: _TLS,
    ForwarderModel: _FORWARDER,
    PanelModel: _PANEL,
    ObserveModel: _OBSERVE,
    TracesModel: _TRACES,
    LoggingModel: _LOGGING,
    BackupModel: _BACKUP,
}
