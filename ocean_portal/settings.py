"""Ocean's settings: the environment in, Django's names out. The variables are listed in docs/install.md.

Unsafe defaults exist only in the embedded mode (`OCEAN_EMBEDDED=1`, set by `make run` and the tests);
anywhere else a missing variable stops start-up with its name.
"""

from __future__ import annotations

from pathlib import Path

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from ocean_portal.env import (
    env_bool,
    env_database,
    env_int,
    env_json,
    env_list,
    env_mail,
    env_networks,
    env_secret,
    env_str,
)

BASE_DIR = Path(__file__).resolve().parent.parent

# --- the mode ------------------------------------------------------------------------------------------
OCEAN_EMBEDDED = env_bool("OCEAN_EMBEDDED", default=False)
DEBUG = env_bool("OCEAN_DEBUG", default=False)
OCEAN_VAR = Path(env_str("OCEAN_VAR", str(BASE_DIR / "var"))).resolve()

SECRET_KEY = env_secret("OCEAN_SECRET_KEY")
# The first key encrypts, all of them decrypt: put a new one in front to rotate.
OCEAN_ENCRYPTION_KEYS = [key for key in env_secret("OCEAN_ENCRYPTION_KEYS").split(",") if key]
ALLOWED_HOSTS = env_list("OCEAN_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]" if OCEAN_EMBEDDED else "")
CSRF_TRUSTED_ORIGINS = env_list("OCEAN_TRUSTED_ORIGINS")
OCEAN_HTTPS = env_bool("OCEAN_HTTPS", default=not OCEAN_EMBEDDED)

# --- what it works with --------------------------------------------------------------------------------
DATABASES = {"default": {**env_database("DATABASE_URL"), "KEEP_IDLE": env_int("OCEAN_IDLE_CONNECTIONS", 0)}}
REDIS_URL = env_secret("REDIS_URL")
OCEAN_CLUSTERS = env_json("OCEAN_CLUSTERS", "[]")
OCEAN_WORKERS_PER_CLUSTER = env_int("OCEAN_WORKERS_PER_CLUSTER", 3)
OCEAN_STEP_LIMIT_S = max(10, env_int("OCEAN_STEP_LIMIT_S", 25))
OCEAN_HISTORY_DAYS = env_int("OCEAN_HISTORY_DAYS", 180)
OCEAN_DECISION_DAYS = env_int("OCEAN_DECISION_DAYS", 14)

# --- telling people ------------------------------------------------------------------------------------
OCEAN_PUBLIC_URL = env_str(
    "OCEAN_PUBLIC_URL", f"http://127.0.0.1:{env_int('OCEAN_PORT', 8000)}/" if OCEAN_EMBEDDED else ""
)
OCEAN_CALLBACK_URL = env_str("OCEAN_CALLBACK_URL", OCEAN_PUBLIC_URL).rstrip("/")
OCEAN_FALCON_PREFIX = env_str("OCEAN_FALCON_PREFIX", "ocean")
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env_str("OCEAN_MAIL_FROM", "Ocean <ocean@localhost>")
OCEAN_NOTIFY_REFUSED_NETWORKS = env_networks("OCEAN_NOTIFY_REFUSED_NETWORKS")
OCEAN_MAIL = env_mail("OCEAN_SMTP_URL")
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
if not OCEAN_MAIL and OCEAN_EMBEDDED:
    # No mail server to be had: a file for each mail, to be looked at.
    OCEAN_MAIL = {"EMAIL_FILE_PATH": str(OCEAN_VAR / "mail")}
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
globals().update(OCEAN_MAIL)

# --- Django --------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "apps.accounts",
    "apps.core",
    "apps.hosts",
    "apps.jobs",
    "apps.elastic",
    "ocean_portal.apps.OceanAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "csp",
    "django_htmx",
    "django_filters",
    "django_tables2",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "apps.core.middleware.RequestIdMiddleware",
    "apps.core.middleware.NulMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "apps.accounts.middleware.PreferencesMiddleware",
    "apps.accounts.middleware.LoginRequiredMiddleware",
    "apps.core.middleware.DomainErrorMiddleware",
]
ROOT_URLCONF = "ocean_portal.urls"
ASGI_APPLICATION = "ocean_portal.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.accounts.context_processors.console",
            ],
        },
    },
]
FORM_RENDERER = "apps.core.forms.Renderer"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = True
# The job form sends five fields for a variable, and a job may have hundreds of them.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "jobs:dashboard"
LOGOUT_REDIRECT_URL = "accounts:login"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"
OCEAN_DEFAULT_TIME_ZONE = env_str("OCEAN_TIME_ZONE", "UTC")

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = OCEAN_EMBEDDED
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if OCEAN_EMBEDDED
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        # Only the limit to guessing passwords is kept there: signing in must not hang with it.
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- security ------------------------------------------------------------------------------------------
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = OCEAN_HTTPS
SESSION_COOKIE_HTTPONLY = True
SECURE_HSTS_SECONDS = 31_536_000 if OCEAN_HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if OCEAN_HTTPS else None
# Probes, Chronos' tasks and Falcon's alarms come from within, by HTTP.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^api/v1/callbacks/"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        # Charts and progress bars set their size in a style attribute.
        "style-src": [SELF, "'unsafe-inline'"],
        "img-src": [SELF, "data:"],
        "font-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# --- the workers ---------------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = "background"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A message is redelivered after this; a step is over long before (core.operations.runner.STEP_LIMIT_S).
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,
    "socket_timeout": 2,
    "socket_connect_timeout": 2,
    # A ring is tried once: kombu's own default keeps a request waiting for six seconds.
    "max_retries": 0,
    "socket_keepalive": True,
    # Celery reads its queues in this order: a scaling decision goes before a publish before housekeeping.
    "queue_order_strategy": "priority",
}
CELERY_BEAT_SCHEDULE = {
    "sweep-operations": {"task": "core.sweep_operations", "schedule": 2.0, "options": {"expires": 4}},
    "run-expiries": {"task": "jobs.run_expiries", "schedule": 5.0, "options": {"expires": 10}},
    "sweep-notifications": {
        "task": "core.sweep_notifications",
        "schedule": 5.0,
        "options": {"expires": 10},
    },
    "follow-falcon": {"task": "elastic.follow_falcon", "schedule": 5.0, "options": {"expires": 10}},
    "sweep-falcon": {"task": "elastic.sweep_falcon", "schedule": 60.0, "options": {"expires": 60}},
    "heartbeat": {"task": "core.heartbeat", "schedule": 5.0, "options": {"expires": 10}},
    "prune-history": {"task": "core.prune_history", "schedule": 3600.0, "options": {"expires": 3600}},
    "prune-releases": {"task": "jobs.prune_releases", "schedule": 3600.0, "options": {"expires": 3600}},
    "count-usage": {"task": "jobs.count_usage", "schedule": 60.0, "options": {"expires": 60}},
    "watch-schedules": {"task": "elastic.watch_schedules", "schedule": 5.0, "options": {"expires": 10}},
    "reconcile-chronos": {
        "task": "elastic.reconcile_every_chronos",
        "schedule": 30.0,
        "options": {"expires": 25},
    },
    "prune-schedule-runs": {
        "task": "elastic.prune_schedule_runs",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "prune-decisions": {"task": "elastic.prune_decisions", "schedule": 60.0, "options": {"expires": 60}},
    "prune-jobs": {"task": "jobs.prune_history", "schedule": 3600.0, "options": {"expires": 3600}},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(OCEAN_VAR / "celerybeat-schedule")

# --- the API -------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.accounts.authentication.ApiTokenAuthentication",
        "apps.accounts.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.core.api.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "apps.core.api.pagination.Pagination",
    "DEFAULT_FILTER_BACKENDS": [
        "apps.core.api.filters.StrictFilterBackend",
        "apps.core.api.filters.TotalOrderingFilter",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apps.core.api.problems.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "URL_FORMAT_OVERRIDE": None,  # ?format= is an unknown parameter like any other
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Ocean",
    "DESCRIPTION": "The console of an elastic scheduling platform over Marathon, Mesos and Chronos.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "apps.core.api.schema.describe_problems",
    ],
    "GET_LIB_DOC_EXCLUDES": "apps.core.api.schema.undocumented_bases",
    "ENUM_NAME_OVERRIDES": {
        "JobState": "apps.jobs.models.Job.State",
        "InstanceState": "apps.jobs.models.Instance.State",
        "OperationState": "apps.core.models.Operation.State",
        "ReleaseState": "apps.jobs.models.Release.State",
        "ReleaseItemState": "apps.jobs.models.ReleaseItem.State",
        "Level": "apps.jobs.models.JobEvent.Level",
        "ScheduleKind": "apps.elastic.models.ScheduleKind",
        "ScheduleRunState": "apps.elastic.models.ScheduleRun.State",
        "NotificationSeverity": "apps.core.models.Severity",
        "GroupLanguage": "apps.core.models.notification.LANGUAGES",
        "DeliveryState": "apps.core.models.NotificationDelivery.State",
        "ChannelKind": "apps.core.models.NotificationChannel.Kind",
        "Role": "apps.accounts.models.Role",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

DJANGO_TABLES2_TEMPLATE = "tables/table.html"

# --- logs: events, not sentences -----------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"event": {"()": "apps.core.logs.EventFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "event"}},
    "root": {"handlers": ["console"], "level": env_str("OCEAN_LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "uvicorn.access": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
