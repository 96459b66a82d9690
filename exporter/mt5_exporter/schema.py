"""The JSON Schema of the configuration, for editors: `mt5tool schema` prints it.

`config_file` stays the judge: what two keys say together, a span of time that is too long, a text that YAML
takes for something else are beyond a schema. `tests/unit/test_schema.py` holds the two against each other.
"""

from collections.abc import Iterable, Mapping

from mt5_exporter.bridges import HOST_FORM
from mt5_exporter.catalogue.limits import LIMITS
from mt5_exporter.config import TerminalConfig
from mt5_exporter.config_file import DEFAULTS, DRIVERS
from mt5_exporter.credentials import VARIABLE
from mt5_exporter.far.drivers.simulated.catalogue import IN_DOLLARS
from mt5_exporter.market import BUILT_IN
from mt5_exporter.risk.rules import Kind, Measure

Schema = Mapping[str, object]

DIALECT = "http://json-schema.org/draft-07/schema#"
"""The newest one that editors' YAML servers know in full."""

DURATION = r"^(?=[0-9])([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?([0-9]{1,9}ms)?$"
MOMENT = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([01][0-9]|2[0-4]):[0-5][0-9]"
NAME_FORM = r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$"
PATH_FORM = r"^([A-Za-z]:[\\/]|[\\/]{2}[^\\/]+[\\/][^\\/]+)"
LARGEST = 2**63 - 1


def text(what: str, *, form: str = "", longest: int = 1024) -> Schema:
    """Return the schema of a text."""
    found: dict[str, object] = {"type": "string", "minLength": 1, "maxLength": longest, "description": what}
    return {**found, "pattern": form} if form else found


def words(what: str, choices: Iterable[str]) -> Schema:
    """Return the schema of one of a few words."""
    return {"type": "string", "enum": sorted(choices), "description": what}


def flag(what: str) -> Schema:
    """Return the schema of true or false."""
    return {"type": "boolean", "description": what}


def whole(what: str, least: int, most: int) -> Schema:
    """Return the schema of a whole number."""
    return {"type": "integer", "minimum": least, "maximum": most, "description": what}


def number(what: str, most: float, *, above: float | None = None) -> Schema:
    """Return the schema of a number from 0 on, or of one that is more than `above`."""
    least = {"minimum": 0} if above is None else {"exclusiveMinimum": above}
    return {"type": "number", **least, "maximum": most, "description": what}


def span(what: str) -> Schema:
    """Return the schema of a span of time."""
    return {"type": "string", "pattern": DURATION, "description": f"{what} Such as 500ms, 15s, 1h30m."}


def each(what: str, items: Schema, *, least: int = 0, unique: bool = True) -> Schema:
    """Return the schema of a list."""
    found: dict[str, object] = {"type": "array", "items": items, "uniqueItems": unique, "description": what}
    return {**found, "minItems": least} if least else found


def table(what: str, values: Schema, names: Schema | None = None) -> Schema:
    """Return the schema of a mapping whose keys the user chooses."""
    found: dict[str, object] = {"type": "object", "additionalProperties": values, "description": what}
    return {**found, "propertyNames": names} if names else found


def section(what: str, properties: Mapping[str, Schema], **more: object) -> Schema:
    """Return the schema of a mapping of known keys."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": dict(properties),
        **more,
        "description": what,
    }


def schema() -> Schema:
    """Return the whole of it."""
    root = section(
        "The configuration of mt5-exporter.",
        {
            "defaults": section(
                "What holds for every terminal that does not set the key itself.",
                {key: value for key, value in terminal().items() if key in DEFAULTS},
            ),
            "connect_rate": number("Attempts to connect a second, of the whole fleet.", 1000, above=0),
            "connect_burst": whole("Attempts that may come at once after a quiet time.", 1, 1000),
            "state_file": text("Where totals of deals and the anchors of risk outlive the exporter."),
            "calendars": table(
                "Market hours besides the built-in ones.", calendar(), {"not": {"enum": sorted(BUILT_IN)}}
            ),
            "terminals": each("The terminals.", entry(), least=1, unique=False),
        },
        required=["terminals"],
    )
    genuine_by_default: Schema = {
        "if": {"not": {"properties": {"defaults": {"required": ["driver"]}}, "required": ["defaults"]}},
        "then": {
            "properties": {
                "terminals": {
                    "items": {
                        "if": {"not": {"required": ["driver"]}},
                        "then": {"required": ["path"], "properties": {"simulation": False, "bridge": False}},
                    }
                }
            }
        },
    }
    return {"$schema": DIALECT, "title": "mt5-exporter", **root, **genuine_by_default}


def entry() -> Schema:
    """Return the schema of one terminal, and of what its driver makes of its keys."""
    return section(
        "One terminal.",
        terminal(),
        required=["name"],
        allOf=[
            _where(
                "driver", "metatrader5", required=["path"], properties={"simulation": False, "bridge": False}
            ),
            _where(
                "driver",
                "rpyc",
                required=["path"],
                properties={"simulation": False, "login": {"const": False}, "launch": {"const": False}},
            ),
            _where("driver", "simulated", properties={"path": False, "bridge": False}),
            _where(
                "login",
                True,
                required=["account"],
                properties={
                    "account": {
                        "required": ["login", "server"],
                        "anyOf": [{"required": ["password"]}, {"required": ["password_file"]}],
                    }
                },
            ),
        ],
    )


def _where(key: str, value: object, **then: object) -> Schema:
    return {"if": {"properties": {key: {"const": value}}, "required": [key]}, "then": then}


def terminal() -> dict[str, Schema]:
    """Return the schema of each key of a terminal."""
    found = {**reaching(), **pace(), **watching(), **guarding()}
    return {key: found[key] for key in TerminalConfig.__dataclass_fields__}


def reaching() -> dict[str, Schema]:
    """Return the keys that say where a terminal is, and what may be done to it."""
    return {
        "name": text("The label `terminal` of every series.", form=NAME_FORM, longest=63),
        "driver": words("How the terminal is reached; simulated is none at all.", DRIVERS),
        "path": text("The terminal's program; single quotes keep the backslashes.", form=PATH_FORM),
        "portable": flag("Whether the terminal keeps its data beside its program (/portable)."),
        "command": each(
            "The command that starts Python beside the terminal, for another world such as Wine.",
            text("A word of it."),
            least=1,
            unique=False,
        ),
        "environment": each(
            "Names of the environment variables that the worker may see.",
            text("A name.", form=f"^{VARIABLE}$"),
        ),
        "launch": flag("Start the terminal when it is not running."),
        "select": flag("Put `symbols` into Market Watch."),
        "preflight": flag("Look whether the terminal runs before touching it."),
        "login": flag("Switch the terminal to `account`; without it the account is only compared."),
        "account": account(),
        "simulation": simulation(),
        "bridge": bridge(),
    }


def pace() -> dict[str, Schema]:
    """Return the keys that say when, and for how long."""
    return {
        "interval": span("How often the terminal is polled, 1s to 1h."),
        "account_interval": span("How often the account is read between two polls. Default: the interval."),
        "timeout": span("The deadline of one call; a worker that passes it is ended."),
        "poll_timeout": span("The deadline of one whole poll, at most the interval."),
        "connect_timeout": span("The deadline of connecting to the terminal."),
        "start_timeout": span("The deadline of starting a worker."),
        "stale_after": span("Values that are older leave the exposition. Default: three intervals."),
        "history_lookback": span("How far back each look at the history of deals goes; 1h to 35d."),
        "login_retry": span("With `login: true`: the wait after a rejected login."),
    }


def watching() -> dict[str, Schema]:
    """Return the keys that say what is read."""
    magic = whole("A magic number.", 0, LARGEST)
    return {
        "symbols": each("The symbols to watch: names and patterns.", text("A symbol.", longest=64)),
        "aliases": table(
            "Our name for a symbol, and the broker's.", text("The broker's name of it.", longest=64)
        ),
        "max_symbols": whole("Symbols that have series; the rest is counted and left out.", 1, 10_000),
        "strategies": table(
            "The label `strategy`, and the magic numbers that it stands for.",
            each("Its magic numbers.", magic),
        ),
        "heartbeat_files": table("Files that expert advisors touch.", text("A file's name.")),
        "market": text("The calendar of all symbols: fx, always, crypto, or one of `calendars`."),
        "symbol_markets": table("The calendar of single symbols and patterns.", text("A calendar.")),
        "limits": limits(),
        "risk": risk(),
    }


def guarding() -> dict[str, Schema]:
    """Return the keys that bound what goes wrong."""
    count = "the last `window` calls, from `minimum_calls` on."
    return {
        "max_worker_memory": {
            "type": "string",
            "pattern": "^[1-9][0-9]{0,8}(B|KiB|MiB|GiB)$",
            "description": "Memory of the worker process, such as 512MiB; a worker above it is replaced.",
        },
        "breaker": section(
            "The circuit breaker: what opens it, and how many trial calls close it again.",
            {
                "consecutive_failures": whole("Failures in a row.", 1, 10_000),
                "failure_ratio": number(f"Share of failed calls among {count}", 1, above=0),
                "slow_call_ratio": number(f"Share of slow calls among {count}", 1, above=0),
                "slow_call": span("From when on a call is slow."),
                "minimum_calls": whole("Calls before a ratio counts.", 1, 10_000),
                "window": whole("Calls that a ratio looks at.", 1, 10_000),
                "permitted_calls": whole("Trial calls that close it again.", 1, 10_000),
            },
        ),
        "backoff": section(
            "Delays between attempts to connect.",
            {"initial": span("At first."), "maximum": span("At most.")},
        ),
    }


def account() -> Schema:
    """Return the schema of the account that is expected."""
    return section(
        "The account that is expected. Without `login: true` no password may stand here.",
        {
            "login": whole("Its number.", 1, LARGEST),
            "server": text("Its trade server.", longest=128),
            "password": text("Its password, better as ${VARIABLE}."),
            "password_file": text("The file of its password."),
        },
        minProperties=1,
        **{"not": {"required": ["password", "password_file"]}},
    )


def simulation() -> Schema:
    """Return the schema of a simulated terminal's life."""
    return section(
        "The life of a simulated terminal.",
        {
            "seed": whole("The same seed lives the same life.", 0, 2**32 - 1),
            "scenario": text("A file of faults to play, which need not exist."),
            "deposit": number("First balance.", 1e12, above=0),
            "currency": words("The account's currency.", IN_DOLLARS),
            "login": whole("The account's number.", 1, LARGEST),
            "server": text("The account's trade server.", longest=128),
            "opened": text(
                "When the account was opened, such as 2026-01-05T00:00:00Z.",
                form=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
            ),
        },
    )


def bridge() -> Schema:
    """Return the schema of a bridge."""
    host = f"^({HOST_FORM})$"
    return section(
        "Where the rpyc classic server beside the terminal listens, for driver rpyc.",
        {
            "host": text("Its name or address. Default 127.0.0.1.", form=host, longest=253),
            "port": whole("Its port. Default 18812.", 1, 65535),
            "allow_remote": flag("The choice to reach for another machine than this."),
            "tls": section(
                "TLS to the bridge, with certificates of both ends.",
                {
                    "ca_file": text("Who has signed the bridge's certificate."),
                    "cert_file": text("Our own certificate."),
                    "key_file": text("The key of our own certificate."),
                    "server_name": text("The name in the bridge's certificate.", form=host, longest=253),
                },
                required=["ca_file"],
                dependencies={"cert_file": ["key_file"], "key_file": ["cert_file"]},
            ),
        },
    )


def calendar() -> Schema:
    """Return the schema of one calendar."""
    return section(
        "A market's week.",
        {
            "timezone": text("The IANA zone in which sessions and holidays are meant."),
            "sessions": each(
                "Weekly, and open in their union.",
                text("Such as Sun 17:00-Mon 17:00.", form=f"^{MOMENT}-{MOMENT}$"),
                least=1,
            ),
            "holidays": each(
                "Local days that are closed from midnight to midnight.",
                text("Such as 2026-12-25.", form=r"^(19[7-9]|20[0-9])[0-9]-[0-9]{2}-[0-9]{2}$"),
            ),
        },
        required=["timezone", "sessions"],
    )


def limits() -> Schema:
    """Return the schema of the limits, from their catalogue."""
    properties: dict[str, Schema] = {}
    for name, limit in LIMITS.items():
        plain = number(limit.metric.help, 1e15)
        by_symbol = table("By a symbol's name or pattern.", number("Its limit.", 1e15))
        properties[name] = (
            {"anyOf": [plain, by_symbol], "description": limit.metric.help} if limit.per_symbol else plain
        )
    return section("What alert rules and dashboards compare with.", properties)


def risk() -> Schema:
    """Return the schema of what may be lost."""
    basis = words("What the anchor is.", (Measure.BALANCE, Measure.EQUITY, Measure.HIGHER))
    compare = words("What is held against it.", (Measure.BALANCE, Measure.EQUITY, Measure.LOWER))
    limit: Schema = {
        "anyOf": [
            {"type": "string", "pattern": r"^(?!0(\.0+)?%)(0|[1-9][0-9]?)(\.[0-9]{1,4})?%$"},
            {"type": "number", "exclusiveMinimum": 0, "maximum": 1e12},
        ],
        "description": "What may be lost: a share such as 5%, or money.",
    }
    of = words("Of what a share counts.", ("anchor", "initial"))
    return section(
        "What a prop firm allows to lose; docs/readings.md explains the keys.",
        {
            "initial_balance": number("The account's first balance.", 1e12, above=0),
            "day": section(
                "When a trading day begins.",
                {
                    "reset": text("Such as '17:00'.", form="^([01][0-9]|2[0-3]):[0-5][0-9]$"),
                    "timezone": text("An IANA zone."),
                },
                required=["reset", "timezone"],
            ),
            "daily_loss": section(
                "What may be lost in a trading day.",
                {"limit": limit, "of": of, "basis": basis, "compare": compare},
                required=["limit"],
            ),
            "drawdown": section(
                "What may be lost from the initial balance, or from a high-water mark.",
                {
                    "kind": words("What it counts from.", list(Kind)),
                    "limit": limit,
                    "of": of,
                    "basis": basis,
                    "compare": compare,
                    "high_water": number("A mark from before it was watched.", 1e12, above=0),
                    "lock": number("Where the floor stops, above initial_balance.", 1e12),
                    "flows": words("Whether withdrawals count as losses.", ("counted", "excluded")),
                },
                required=["kind", "limit"],
            ),
        },
        anyOf=[{"required": ["daily_loss"]}, {"required": ["drawdown"]}],
        dependencies={"daily_loss": ["day"]},
    )
