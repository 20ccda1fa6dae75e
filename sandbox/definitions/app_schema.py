"""The schema of an app, of an update of one, and of groups, after the RAML of Marathon 1.11.

Defaults that belong to a single nested object are filled in here; those that depend on other fields are the
business of `normalise`. Source: docs/docs/rest-api/public/api/v2/types/*.raml.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.definitions.schema import (
    Boolean,
    ByType,
    Choice,
    Integer,
    ListOf,
    MapOf,
    Number,
    Problems,
    Record,
    Schema,
    Text,
)

NAME_PATTERN = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NETWORK_NAME_PATTERN = "[a-z0-9]([-a-z0-9_]*[a-z0-9])?"

_ID = Text(min_length=1)  # the pattern is tested by the validator, whose message clients know
_TEXTS = MapOf(Text())
_LABELS = _TEXTS
_PORT = Integer(0, 65535)
_NAME = Text(min_length=1, pattern=NAME_PATTERN)
_PROTOCOL = Choice(("tcp", "udp", "udp,tcp"))
_SECRET_REFERENCE = Record({"secret": Text()}, required=frozenset({"secret"}))

_PORT_DEFINITION = Record(
    {"port": _PORT, "labels": _LABELS, "name": _NAME, "protocol": _PROTOCOL},
    defaults={"port": 0, "protocol": "tcp"},
)
_PORT_MAPPING = Record(
    {
        "containerPort": _PORT,
        "hostPort": _PORT,
        "labels": _LABELS,
        "name": _NAME,
        "protocol": _PROTOCOL,
        "servicePort": _PORT,
        "networkNames": ListOf(Text(min_length=1, pattern=_NETWORK_NAME_PATTERN)),
    },
    defaults={"containerPort": 0, "labels": {}, "protocol": "tcp", "servicePort": 0},
)
_NETWORK = Record(
    {
        "name": Text(min_length=1, max_length=63, pattern=_NETWORK_NAME_PATTERN),
        "mode": Choice(("container", "container/bridge", "host")),
        "labels": _LABELS,
    },
    defaults={"mode": "container"},
)
_VOLUME = Record(
    {
        "containerPath": Text(min_length=1),
        "hostPath": Text(min_length=1),
        "mode": Choice(("RO", "RW")),
        "secret": Text(),
        "persistent": Record(
            {
                "type": Choice(("root", "path", "mount")),
                "size": Integer(0),
                "maxSize": Integer(0),
                "profileName": Text(min_length=1),
                "constraints": ListOf(ListOf(Text(), min_items=2)),
            },
            required=frozenset({"size"}),
            defaults={"type": "root", "constraints": []},
        ),
        "external": Record(
            {
                "provider": Text(),
                "name": Text(),
                "size": Integer(0),
                "shared": Boolean(),
                "options": MapOf(ByType(Text(), MapOf(Text()))),
            },
            defaults={"options": {}},
        ),
    },
    required=frozenset({"containerPath"}),
)
_DOCKER = Record(
    {
        "image": Text(min_length=1),
        "forcePullImage": Boolean(),
        "privileged": Boolean(),
        "parameters": ListOf(
            Record({"key": Text(min_length=1), "value": Text()}, required=frozenset({"key", "value"}))
        ),
        "network": Choice(("BRIDGE", "HOST", "NONE", "USER")),
        "portMappings": ListOf(_PORT_MAPPING),
        "pullConfig": Record({"secret": Text(min_length=1)}, required=frozenset({"secret"})),
    },
    required=frozenset({"image"}),
    defaults={"forcePullImage": False, "privileged": False, "parameters": []},
)
_CONTAINER = Record(
    {
        "type": Choice(("MESOS", "DOCKER")),
        "docker": _DOCKER,
        "volumes": ListOf(_VOLUME),
        "portMappings": ListOf(_PORT_MAPPING),
        "linuxInfo": Record({"seccomp": MapOf(ByType(Text(), Boolean())), "ipcInfo": _TEXTS}),
    },
    defaults={"type": "DOCKER", "volumes": []},
)
_HEALTH_CHECK = Record(
    {
        "protocol": Choice(("HTTP", "HTTPS", "TCP", "COMMAND", "MESOS_HTTP", "MESOS_HTTPS", "MESOS_TCP")),
        "path": Text(),
        "port": _PORT,
        "portIndex": _PORT,
        "command": Record({"value": Text()}, required=frozenset({"value"})),
        "gracePeriodSeconds": Integer(0),
        "intervalSeconds": Integer(0),
        "timeoutSeconds": Integer(0),
        "delaySeconds": Integer(0),
        "maxConsecutiveFailures": Integer(0),
        "ignoreHttp1xx": Boolean(),
        "ipProtocol": Choice(("IPv4", "IPv6")),
    },
    defaults={
        "protocol": "HTTP",
        "gracePeriodSeconds": 300,
        "intervalSeconds": 60,
        "timeoutSeconds": 20,
        "delaySeconds": 15,
        "maxConsecutiveFailures": 3,
        "ipProtocol": "IPv4",
    },
)
_READINESS_CHECK = Record(
    {
        "name": Text(min_length=1),
        "protocol": Choice(("HTTP", "HTTPS")),
        "path": Text(min_length=1, max_length=1024),
        "portName": _NAME,
        "intervalSeconds": Integer(0),
        "timeoutSeconds": Integer(1),
        "httpStatusCodesForReady": ListOf(Integer(100, 999), min_items=1),
        "preserveLastResponse": Boolean(),
    },
    defaults={
        "name": "readinessCheck",
        "protocol": "HTTP",
        "path": "/",
        "portName": "http-api",
        "intervalSeconds": 30,
        "timeoutSeconds": 10,
        "httpStatusCodesForReady": [200],
        "preserveLastResponse": False,
    },
)
_PORT_OF_CHECK = {"port": _PORT, "portIndex": _PORT}
_CHECK = Record(
    {
        "http": Record({**_PORT_OF_CHECK, "path": Text(min_length=1), "scheme": Choice(("HTTP", "HTTPS"))}),
        "tcp": Record(_PORT_OF_CHECK),
        "exec": Record({"command": Record({"shell": Text(min_length=1), "argv": ListOf(Text())})}),
        "intervalSeconds": Integer(0),
        "timeoutSeconds": Integer(0),
        "delaySeconds": Integer(0),
    },
    defaults={"intervalSeconds": 60, "timeoutSeconds": 20, "delaySeconds": 15},
)
_LIMIT = ByType(Choice(("unlimited",)), Number())

_APP_FIELDS: Mapping[str, Schema] = {
    "id": _ID,
    "acceptedResourceRoles": ListOf(Text()),
    "args": ListOf(Text()),
    "backoffFactor": Number(1.0),
    "backoffSeconds": Integer(0),
    "check": _CHECK,
    "cmd": Text(min_length=1),
    "constraints": ListOf(ListOf(Text())),
    "container": _CONTAINER,
    "cpus": Number(0.001),
    "dependencies": ListOf(Text(min_length=1)),
    "disk": Number(0),
    "env": MapOf(ByType(Text(), _SECRET_REFERENCE)),
    "executor": Text(pattern=r"(//cmd)|(/?[^/]+(/[^/]+)*)|"),
    "executorResources": Record(
        {"cpus": Number(0.1), "mem": Number(32), "disk": Number(10)},
        defaults={"cpus": 0.1, "mem": 32, "disk": 10},
    ),
    "fetch": ListOf(
        Record(
            {
                "uri": Text(min_length=1, max_length=1024),
                "extract": Boolean(),
                "executable": Boolean(),
                "cache": Boolean(),
                "destPath": Text(min_length=1, max_length=1024),
            },
            required=frozenset({"uri"}),
            defaults={"extract": True, "executable": False, "cache": False},
        )
    ),
    "gpus": Integer(0),
    "healthChecks": ListOf(_HEALTH_CHECK),
    "instances": Integer(0),
    "ipAddress": Record(
        {
            "networkName": Text(min_length=1),
            "labels": _LABELS,
            "discovery": Record(
                {
                    "ports": ListOf(
                        Record(
                            {"number": _PORT, "name": _NAME, "protocol": _PROTOCOL, "labels": _LABELS},
                            required=frozenset({"name"}),
                            defaults={"number": 0, "protocol": "tcp"},
                        )
                    )
                }
            ),
        }
    ),
    "killSelection": Choice(("YOUNGEST_FIRST", "OLDEST_FIRST")),
    "labels": _LABELS,
    "maxLaunchDelaySeconds": Integer(0),
    "mem": Number(0),
    "networks": ListOf(_NETWORK),
    "portDefinitions": ListOf(_PORT_DEFINITION),
    "ports": ListOf(_PORT),
    "readinessChecks": ListOf(_READINESS_CHECK),
    "requirePorts": Boolean(),
    "residency": Record(
        {
            "relaunchEscalationTimeoutSeconds": Integer(0),
            "taskLostBehavior": Choice(("WAIT_FOREVER", "RELAUNCH_AFTER_TIMEOUT")),
        },
        defaults={"relaunchEscalationTimeoutSeconds": 3600, "taskLostBehavior": "WAIT_FOREVER"},
    ),
    "resourceLimits": Record({"cpus": _LIMIT, "mem": _LIMIT}),
    "role": Text(min_length=1),
    "secrets": MapOf(Record({"source": Text(min_length=1)}, required=frozenset({"source"}))),
    "taskKillGracePeriodSeconds": Integer(0),
    "tty": Boolean(),
    "unreachableStrategy": ByType(
        Choice(("disabled",)),
        Record(
            {"inactiveAfterSeconds": Integer(0), "expungeAfterSeconds": Integer(0)},
            defaults={"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0},
        ),
    ),
    "upgradeStrategy": Record(
        {"minimumHealthCapacity": Number(0, 1), "maximumOverCapacity": Number(0, 1)},
        required=frozenset({"minimumHealthCapacity", "maximumOverCapacity"}),
    ),
    "uris": ListOf(Text(min_length=1, max_length=1024)),
    "user": Text(),
    "version": Text(),
}

APP = Record(_APP_FIELDS, required=frozenset({"id"}))
APP_UPDATE = Record(_APP_FIELDS)


class GroupSchema:
    """A group contains groups, so this one reads itself."""

    def read(self, value: Any, path: str, problems: Problems) -> Any:
        return _GROUP_RECORD.read(value, path, problems)


GROUP_UPDATE = GroupSchema()
_GROUP_RECORD = Record(
    {
        "id": _ID,
        "apps": ListOf(APP),
        "groups": ListOf(GROUP_UPDATE),
        "dependencies": ListOf(Text(min_length=1)),
        "scaleBy": Number(0),
        "version": Text(),
        "enforceRole": Boolean(),
    }
)
