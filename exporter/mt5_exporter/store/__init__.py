"""The state store: what must outlive the exporter, in one SQLite file, which may fail without harm to it."""

from mt5_exporter.store.keeper import StateStore
from mt5_exporter.store.sqlite_file import REASONS, StoreError
from mt5_exporter.store.values import Change, Saved, Ticket, Total

__all__ = ["REASONS", "Change", "Saved", "StateStore", "StoreError", "Ticket", "Total"]
