"""Django settings, read from the environment; with nothing set, a fresh checkout runs.

Secrets may come from files: `NAME_FILE` holds the path of a file with the value of `NAME`. A wrong value
stops the start with `ImproperlyConfigured`; a doubtful one is a system check of the dashboard.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
import tempfile
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dj_database_url
import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

# Lets classes of Django that are generic for the type checker, such as `ModelAdmin[Plan]`, be so at run time.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent


# ------------------------------------------------------------------------------- reading the environment


def _text(name: str, default: str = "") -> str:
    """The value of the variable `name`, or of the file that `name_FILE` points at; empty means unset."""
    value = os.environ.get(name, "").strip()
    path = os.environ.get(f"{name}_FILE", "").strip()
    if value and path:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set: unset one of them.")
    if path:
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(f"{name}_FILE: {path} cannot be read: {error}") from error
        if not value:
            raise ImproperlyConfigured(f"{name}_FILE: {path} is empty: write the value of {name} into it.")
    return value or default


def _words(name: str, default: str = "") -> list[str]:
    """The comma-separated words of a variable."""
    return [word.strip() for word in _text(name, default).split(",") if word.strip()]


def _folders(name: str, words: list[str]) -> list[Path]:
    found = [Path(word).expanduser() for word in words]
    for path in found:
        if not path.is_absolute():
            raise ImproperlyConfigured(f"{name}: {path} is no absolute path: begin each with /.")
    return found


def _addresses(name: str, words: list[str]) -> list[str]:
    for word in words:
        if not word.startswith(("http://", "https://")):
            raise ImproperlyConfigured(f"{name}: {word} is no address: begin each with https://.")
    return words


def _switch(name: str, *, default: bool) -> bool:
    value = _text(name).lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    if value:
        raise ImproperlyConfigured(f"{name} is {value!r}: write 1 or 0 (or true, yes, on, false, no, off).")
    return default


def _count(name: str, *, default: int, least: int = 1) -> int:
    value = _text(name, str(default))
    if not value.isascii() or not value.isdecimal() or int(value) < least:
        raise ImproperlyConfigured(f"{name} is {value!r}: write a whole number of {least} or more.")
    return int(value)


def _networks(name: str, words: list[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    try:
        return [ipaddress.ip_network(word) for word in words]
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name}: {error}: write networks such as 10.0.0.0/8, or addresses."
        ) from error


def _choice(name: str, choices: tuple[str, ...], default: str) -> str:
    value = _text(name, default).upper()
    if value not in choices:
        raise ImproperlyConfigured(f"{name} is {value!r}: write one of {', '.join(choices)}.")
    return value


def _state_folder() -> Path:
    folder = Path(_text("PLANNING_SYNC_HOME", str(BASE_DIR / ".planning-sync"))).expanduser().absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"PLANNING_SYNC_HOME: the folder {folder} cannot be made ({error.strerror}): "
            "name one that this user may write to."
        ) from error
    return folder


def _secret_key(path: Path) -> str:
    """The key given, or else the one kept at `path`, which the first process to come makes."""
    given = _text("PLANNING_SYNC_SECRET_KEY")
    if given:
        return given
    try:
        if not path.exists():
            _make_secret(path)
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(
            f"The secret key in {path} cannot be read or made ({error}): mend that file, "
            "or set PLANNING_SYNC_SECRET_KEY or PLANNING_SYNC_SECRET_KEY_FILE."
        ) from error
    if not key:
        raise ImproperlyConfigured(
            f"The secret key in {path} is empty: delete the file to have a new one made."
        )
    return key


def _make_secret(path: Path) -> None:
    """Linked into place whole, so that of several processes starting at once all read one key."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".secret-key-")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(64))
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        Path(temporary).unlink()


def _time_zone() -> str:
    name = _text("PLANNING_SYNC_TIME_ZONE", "UTC")
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ImproperlyConfigured(
            f"PLANNING_SYNC_TIME_ZONE is {name!r}, which is no time zone known here: "
            "write a name such as Europe/Paris, or UTC."
        ) from error
    return name


# Without IMMEDIATE, a transaction that reads before it writes fails at once when another one writes.
_SQLITE_OPTIONS: dict[str, Any] = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}


def _database(home: Path) -> dict[str, Any]:
    url = _text("DATABASE_URL", f"sqlite:///{home / 'hub.sqlite3'}")
    if not url.startswith(("postgres://", "postgresql://", "sqlite:///")):
        # The value may hold a password, so the message names the variable and never the value.
        raise ImproperlyConfigured(
            "DATABASE_URL: write postgres://user:password@host:5432/name or sqlite:///path/of/the/file."
        )
    try:
        found: dict[str, Any] = dict(dj_database_url.parse(url))
    except ValueError as error:
        raise ImproperlyConfigured("DATABASE_URL cannot be understood: is its port a number?") from error
    if url.startswith("sqlite:"):
        return _sqlite(found, home)
    if not found["NAME"]:
        raise ImproperlyConfigured("DATABASE_URL names no database: end it with /name.")
    return found


def _sqlite(found: dict[str, Any], home: Path) -> dict[str, Any]:
    name = str(found["NAME"])
    if name in {"", ":memory:"}:
        raise ImproperlyConfigured(
            "DATABASE_URL: a database in memory cannot be shared between processes: name a file."
        )
    path = Path(name).expanduser().absolute()
    if not path.parent.is_dir():
        raise ImproperlyConfigured(f"DATABASE_URL: the folder {path.parent} does not exist: make it first.")
    options = {**_SQLITE_OPTIONS, **found.get("OPTIONS", {})}
    # Tests run threads, which a database in memory does not bear.
    return {**found, "NAME": str(path), "OPTIONS": options, "TEST": {"NAME": str(home / "test.sqlite3")}}


def _channel_layers(url: str) -> dict[str, Any]:
    """What wakes the followers of the log in other processes; nothing where no Redis is named."""
    if not url:
        return {}
    if not url.startswith(("redis://", "rediss://", "unix://")):
        # The value may hold a password, so the message names the variable and never the value.
        raise ImproperlyConfigured(
            "PLANNING_SYNC_REDIS_URL: write redis://user:password@host:6379/0, rediss://... or unix://..."
        )
    # With a time limit on reading, redis-py drops a connection that is merely quiet.
    host = {"address": url, "socket_timeout": None, "socket_connect_timeout": 0.5}
    backend = "channels_redis.core.RedisChannelLayer"
    return {"default": {"BACKEND": backend, "CONFIG": {"hosts": [host], "prefix": "planning-sync"}}}


def _cache(url: str) -> dict[str, Any]:
    """Redis where one is named (`_channel_layers` has checked its address), else this process's memory."""
    if not url:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    options = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
    backend = "django.core.cache.backends.redis.RedisCache"
    return {"BACKEND": backend, "LOCATION": url, "KEY_PREFIX": "planning-sync", "OPTIONS": options}


def _static_version(folder: Path) -> str:
    """Another one whenever a file of the folder is, or the packages that have static files of their own."""
    packages = "".join(map(version, ("django", "drf-spectacular-sidecar")))
    digest = sha256(packages.encode())
    for path in sorted(folder.rglob("*.*")):
        digest.update(f"\0{path.relative_to(folder).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


# ------------------------------------------------------------------------------------------------ the core

PLANNING_SYNC_HOME = _state_folder()
SECRET_KEY = _secret_key(PLANNING_SYNC_HOME / "secret-key")
DEBUG = _switch("PLANNING_SYNC_DEBUG", default=False)
DATABASES = {"default": _database(PLANNING_SYNC_HOME)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "planning_sync.api",
    "planning_sync.dashboard",
    "planning_sync.webhooks",
    "planning_sync.live",
    "planning_sync.search",
    "planning_sync.validation",
    "planning_sync.sync",
    "conflicts",
    "plans",
    "audit",
    "django_q",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_prometheus",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "planning_sync.roles",  # last: it hands out the permissions of the others
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "planning_sync.api.middleware.ApiMiddleware",
    "planning_sync.dashboard.static_files.Compressed",
    "audit.middleware.trace_origin",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "planning_sync.dashboard.content_policy.restrict",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "planning_sync.urls"
ASGI_APPLICATION = "planning_sync.asgi.application"
CHANNEL_LAYERS = _channel_layers(_text("PLANNING_SYNC_REDIS_URL"))
WSGI_APPLICATION = "planning_sync.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Served from where the sources stand, so that there is no collecting step before a start. Their address has
# their version: browsers keep them for good, and a script that imports another one gets that of its version.
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_URL = f"static/{_static_version(STATICFILES_DIRS[0])}/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_IMMUTABLE_FILE_TEST = lambda path, url: not DEBUG  # noqa: E731  # the form that a setting has
WHITENOISE_ALLOW_ALL_ORIGINS = False

# ------------------------------------------------------------------------------------- languages and time

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("fr", _("French"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["planning_sync.dashboard.formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = _time_zone()

# --------------------------------------------------------------------------------------- people and safety

ALLOWED_HOSTS = _words("PLANNING_SYNC_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = _words("PLANNING_SYNC_TRUSTED_ORIGINS")
HTTPS = _switch("PLANNING_SYNC_HTTPS", default=False)
PLANNING_SYNC_TRUSTED_PROXIES = _networks(
    "PLANNING_SYNC_TRUSTED_PROXIES", _words("PLANNING_SYNC_TRUSTED_PROXIES")
)
"""Whose word on where a request comes from (X-Forwarded-For) is believed."""

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "dashboard:overview"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# Browsers share cookies between the ports of a host: names of our own keep other products signed in.
SESSION_COOKIE_NAME = "planning_sync_session"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_NAME = "planning_sync_csrf"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

# What a request came by is known from the server, which believes the proxies named above and nobody else. So
# there is no SECURE_PROXY_SSL_HEADER: that one believes whoever sends the header.
SECURE_SSL_REDIRECT = HTTPS
# Asked from beside the proxy, where there is no TLS.
SECURE_REDIRECT_EXEMPT = [r"^health(/|$)", r"^metrics$"]
SECURE_HSTS_SECONDS = 30 * 24 * 3600 if HTTPS else 0
# Both would speak for other hosts of the domain, which are not ours to bind.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

# ------------------------------------------------------------------------------------------------ the API

PLANNING_SYNC_RATE_LIMIT = _count("PLANNING_SYNC_RATE_LIMIT", default=1000)
"""Requests a minute that each person and each key may make."""

PLANNING_SYNC_BODY_BYTES = _count("PLANNING_SYNC_BODY_BYTES", default=1024 * 1024)
"""The largest body that the API takes."""

PLANNING_SYNC_TOKEN_MINUTES = _count("PLANNING_SYNC_TOKEN_MINUTES", default=60)
PLANNING_SYNC_REFRESH_DAYS = _count("PLANNING_SYNC_REFRESH_DAYS", default=14)
"""How long an access token and a refresh token are good for."""

PLANNING_SYNC_REPLICA_ROOTS = _folders("PLANNING_SYNC_REPLICA_ROOTS", _words("PLANNING_SYNC_REPLICA_ROOTS"))
PLANNING_SYNC_REPLICA_SERVICES = _addresses(
    "PLANNING_SYNC_REPLICA_SERVICES", _words("PLANNING_SYNC_REPLICA_SERVICES")
)
"""Where replicas may be added over the API; nowhere, unless it is said."""

PLANNING_SYNC_METRICS_OPEN = _switch("PLANNING_SYNC_METRICS_OPEN", default=False)
"""Whether /metrics answers without a key."""

# Counts requests. Without Redis each web process counts for itself.
CACHES = {"default": _cache(_text("PLANNING_SYNC_REDIS_URL"))}

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "planning_sync.api.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["planning_sync.api.permissions.RoutePermission"],
    "DEFAULT_THROTTLE_CLASSES": ["planning_sync.api.limits.RateLimit"],
    "DEFAULT_PARSER_CLASSES": ["planning_sync.api.limits.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["planning_sync.api.rendering.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "planning_sync.api.describing.Schema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "planning_sync.api.problems.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Planning Sync",
    "DESCRIPTION": "Markdown plans in git and a live hub, kept the same in both directions.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["planning_sync.api.describing.add_components"],
}

# ------------------------------------------------------------------------------------------ validation

PLANNING_SYNC_VALIDATION = _switch("PLANNING_SYNC_VALIDATION", default=True)
"""Whether plans are looked at by the rules after each change."""
PLANNING_SYNC_SCORE_FALL = _count("PLANNING_SYNC_SCORE_FALL", default=10)
"""From how many points on a fall of a plan's score is told to people."""

# ---------------------------------------------------------------------------------------------- search

PLANNING_SYNC_SEARCH = _switch("PLANNING_SYNC_SEARCH", default=True)
"""Whether `up` starts an embedder. Without one, searches compare words alone."""

PLANNING_SYNC_SEARCH_MODEL = _text("PLANNING_SYNC_SEARCH_MODEL", "all-MiniLM-L6-v2")
"""The model that makes vectors: the default needs no download; any of sentence-transformers by its name."""

PLANNING_SYNC_QDRANT = {
    "url": _text("QDRANT_URL"),
    "api_key": _text("QDRANT_API_KEY"),
    "grpc": _switch("QDRANT_GRPC", default=False),
}
"""The server of the search index; without one, the engine in the embedder's own process."""

# ------------------------------------------------------------------------------------- queue and logging

PLANNING_SYNC_FOLLOW = _switch("PLANNING_SYNC_FOLLOW", default=True)
"""Whether an edit in the hub is synced to the replicas at once, by the process that made it."""

PLANNING_SYNC_WEBHOOKS_PRIVATE = _switch("PLANNING_SYNC_WEBHOOKS_PRIVATE", default=False)
"""Whether webhooks may go to this machine and to private networks, and without TLS."""

EMAIL_HOST = _text("PLANNING_SYNC_EMAIL_HOST")
"""Nobody is told of anything by e-mail where there is none."""
_EMAIL_SECURITY = _choice("PLANNING_SYNC_EMAIL_SECURITY", ("STARTTLS", "TLS", "NONE"), "STARTTLS")
EMAIL_USE_TLS, EMAIL_USE_SSL = _EMAIL_SECURITY == "STARTTLS", _EMAIL_SECURITY == "TLS"
EMAIL_PORT = _count("PLANNING_SYNC_EMAIL_PORT", default=465 if EMAIL_USE_SSL else 587)
EMAIL_HOST_USER = _text("PLANNING_SYNC_EMAIL_USER")
EMAIL_HOST_PASSWORD = _text("PLANNING_SYNC_EMAIL_PASSWORD")
DEFAULT_FROM_EMAIL = SERVER_EMAIL = _text("PLANNING_SYNC_EMAIL_FROM", "planning-sync@localhost")
EMAIL_TIMEOUT = 20

PLANNING_SYNC_SCHEDULE_MINUTES = _count("PLANNING_SYNC_SCHEDULE_MINUTES", default=5)
"""How often a worker syncs every replica by itself."""

PLANNING_SYNC_BIN_DAYS = _count("PLANNING_SYNC_BIN_DAYS", default=30)
PLANNING_SYNC_SNAPSHOT_DAYS = _count("PLANNING_SYNC_SNAPSHOT_DAYS", default=365)
PLANNING_SYNC_SNAPSHOTS_MOST = _count("PLANNING_SYNC_SNAPSHOTS_MOST", default=1000)
PLANNING_SYNC_SNAPSHOTS_LEAST = _count("PLANNING_SYNC_SNAPSHOTS_LEAST", default=20)

PLANNING_SYNC_AUDIT_DAYS = _count("PLANNING_SYNC_AUDIT_DAYS", default=0, least=0)
"""How long entries of the audit log are kept; 0 is for ever."""

Q_CLUSTER: dict[str, Any] = {
    "name": "planning-sync",
    "label": _("Queue"),
    "orm": "default",
    "workers": 2,
    "poll": 0.2,
    # A task is delivered again `retry` seconds after it was taken: that has to outlast the longest task.
    "timeout": 300,
    "retry": 360,
    "max_attempts": 3,
    "ack_failures": True,
    "catch_up": False,
    "save_limit": 250,
    "log_level": "WARNING",
}

PLANNING_SYNC_LOGS = PLANNING_SYNC_HOME / "logs"
"""Where the last log records of this host are kept."""

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname:<7} {name}: {message}", "style": "{"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
        "recent": {"class": "planning_sync.api.recent.RecentHandler", "folder": PLANNING_SYNC_LOGS},
    },
    "root": {
        "handlers": ["console", "recent"],
        "level": _choice("PLANNING_SYNC_LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO"),
    },
    "loggers": {"django-q": {"level": "WARNING"}, "httpx": {"level": "WARNING"}},
}
