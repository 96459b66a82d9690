"""The far side: what runs beside the terminal, with the standard library and the terminal's own package only.

It is read as a whole and sent over stdin to whichever interpreter `command:` names, so nothing of it may
import from the rest of this project; and it makes do without dataclasses, which bring inspect and 1.4 MiB
into every worker. Reading order: `wire` (frames and codes), `call` (one call of the module),
`drivers.base` (the port), `worker` (the loop), then the drivers.
"""
