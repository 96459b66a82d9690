"""The books of all accounts: one for each, whichever terminals are logged in to it."""

from typing import TYPE_CHECKING

from mt5_exporter.history.book import Book, Observed
from mt5_exporter.history.rows import Identity
from mt5_exporter.history.source import no_data
from mt5_exporter.store import StateStore, StoreError
from mt5_exporter.store.values import to_json

if TYPE_CHECKING:
    # It hands out the books.
    from mt5_exporter.round import Round

__all__ = ["Book", "Books", "Observed", "observe"]


class Books:
    """Opens an account's book when it is first asked for."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._books: dict[Identity, Book] = {}

    async def of(self, server: str, login: int) -> Book:
        """Return an account's book.

        Raises:
            MT5DataError: The state store cannot be read yet.
        """
        account = Identity(login=login, server=server)
        if account not in self._books:
            # In JSON, so that no text of a broker's can be another account's key, or none at all.
            key = to_json([server, login])
            try:
                saved = await self._store.load(key)
            except StoreError as error:
                raise no_data(f"the state store cannot be read yet: {error}", "") from error
            self._books.setdefault(account, Book(account, key, self._store, saved))
        return self._books[account]


async def observe(asked: "Round") -> Observed:
    """Return the account of a round's terminal at a moment at which its book knew all its deals.

    Raises:
        MT5DataError: The book cannot be opened yet, its baseline is still to come, or it cannot keep up.
        MT5Error: The terminal does not answer.
    """
    account = (await asked.account_info()).value
    book = await asked.books.of(account.server, account.login)
    return await book.observe(asked)
