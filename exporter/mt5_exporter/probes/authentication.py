"""Is the terminal logged in, and to the account that the configuration names?"""

from mt5_exporter.probes.base import PASSED, Verdict, failed
from mt5_exporter.round import Round


class AuthenticationProbe:
    """Passes when `account_info` answers with the expected login and server."""

    name = "authentication"
    requires = frozenset({"connection"})

    async def run(self, asked: Round) -> Verdict:
        """Ask for the account and compare it."""
        account = (await asked.account_info()).value
        expected = asked.terminal.account
        if account.login == 0:
            return failed("not_logged_in", "no account is logged in")
        if expected is None:
            return PASSED
        if expected.login is not None and expected.login != account.login:
            # The numbers are personal: the log and the page say only that they differ.
            return failed("account_mismatch", "another account is logged in than the configuration names")
        if expected.server is not None and expected.server != account.server:
            text = f"logged in to {account.server!r}, the configuration names {expected.server!r}"
            return failed("account_mismatch", text)
        return PASSED
