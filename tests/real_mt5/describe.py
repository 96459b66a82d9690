"""Runs on Windows Python: prints what the genuine module has, as JSON."""

import json

import MetaTrader5

names = [name for name in dir(MetaTrader5) if not name.startswith("_")]
values = {name: getattr(MetaTrader5, name) for name in names}
print(  # noqa: T201 - its one output
    json.dumps(
        {
            "version": MetaTrader5.__version__,
            "constants": {name: value for name, value in values.items() if isinstance(value, int)},
            "functions": sorted(
                name for name, value in values.items() if callable(value) and name[0].islower()
            ),
            "structs": {
                name: list(value.__match_args__)
                for name, value in values.items()
                if hasattr(value, "__match_args__")
            },
        }
    )
)
