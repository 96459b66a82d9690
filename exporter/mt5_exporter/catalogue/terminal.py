"""The program, its link to the trade server, and the server's clock."""

from mt5_exporter.catalogue.metric import row, value

TERMINAL_INFO = row(
    "value",
    "info",
    "mt5_terminal_info",
    "The terminal's program: always 1. (terminal_info().build, name, company, version())",
    "terminal",
    "driver",
    "build",
    "name",
    "company",
    "version",
    "released",
)
TERMINAL_CONNECTED = value(
    "mt5_terminal_connected",
    "Whether the terminal reaches its trade server. (terminal_info().connected)",
    "terminal",
)
TERMINAL_TRADE_ALLOWED = value(
    "mt5_terminal_trade_allowed",
    "Whether the Algo Trading button is on. (terminal_info().trade_allowed)",
    "terminal",
)
TERMINAL_PING = value(
    "mt5_terminal_ping_seconds",
    "Last known ping to the trade server; left out while disconnected. (terminal_info().ping_last)",
    "terminal",
)
TERMINAL_RETRANSMISSION = value(
    "mt5_terminal_retransmission_ratio",
    "Share of TCP packets sent again to the trade server, 0 to 1. (terminal_info().retransmission)",
    "terminal",
)
TERMINAL_TRADEAPI_DISABLED = value(
    "mt5_terminal_tradeapi_disabled",
    "Whether trading through the Python API is forbidden; absent where the build does not tell. "
    "(terminal_info().tradeapi_disabled)",
    "terminal",
)
SERVER_CLOCK_OFFSET = value(
    "mt5_terminal_server_clock_offset_seconds",
    "The trade server's clock less UTC, in steps of 15 minutes, as fresh ticks show it; absent until "
    "enough agree. "
    "(symbol_info_tick().time_msc)",
    "terminal",
)
SERVER_CLOCK_SKEW = value(
    "mt5_terminal_server_clock_skew_seconds",
    "What fresh ticks differ from the server's clock beyond its offset: either clock is wrong by that. "
    "(symbol_info_tick().time_msc)",
    "terminal",
)
EXPERT_HEARTBEAT = value(
    "mt5_expert_heartbeat_timestamp_seconds",
    "When an expert advisor last touched its heartbeat file, in Unix time; 0 while it is not there. "
    "(configured heartbeat_files)",
    "terminal",
    "expert",
)
