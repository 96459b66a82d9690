"""The state store on real files: what it keeps through a kill, and how it lives with a file that fails."""

import asyncio
import json
import logging
import queue
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt5_exporter.store import REASONS, Change, Saved, StateStore, StoreError
from mt5_exporter.store import sqlite_file as module
from mt5_exporter.store.keeper import PATIENCE, RETRY
from mt5_exporter.store.own_thread import BOUND, OwnThread
from mt5_exporter.store.sqlite_file import SQLiteFile
from tests.session.stage import FakeClock, in_loop, until

TOTAL = ("mt5_deals_total", ("EURUSD", "buy"))
FIRST = Change(totals={TOTAL: 3}, seen={("deal", 7): 100}, facts={"mark": {"since": 1.5, "none": None}})
KEPT = Saved(totals={TOTAL: 3}, seen={("deal", 7): 100}, facts={"mark": {"since": 1.5, "none": None}})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mt5.state.db"


@asynccontextmanager
async def store(
    path: Path | None, clock: FakeClock | None = None, *, deadline: float = 10.0
) -> AsyncIterator[StateStore]:
    """Return a store; its file is let go of at the end."""
    opened = StateStore(path, clock or FakeClock(), deadline=deadline)
    try:
        yield opened
    finally:
        await opened.close()


async def kept(path: Path, account: str = "a") -> Saved:
    """Return what a new store finds."""
    async with store(path) as found:
        return await found.load(account)


async def keep(path: Path, change: Change = FIRST) -> None:
    """Write a file."""
    async with store(path) as written:
        await written.load("a")
        assert await written.commit("a", change)


def content(path: Path) -> bytes:
    return path.read_bytes()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


# What is kept


@in_loop
async def test_what_is_committed_is_there_after_a_restart(path: Path) -> None:
    await keep(path)

    async with store(path) as again:
        assert await again.load("a") == KEPT
        assert await again.load("b") == Saved()
        assert await again.commit(
            "a", Change(totals={TOTAL: 4, ("x", ()): -(10**30)}, seen={("deal", 7): None, ("order", 7): 5})
        )
        assert (again.trouble, again.pending) == ("", 0)

    assert await kept(path) == Saved(
        totals={TOTAL: 4, ("x", ()): -(10**30)}, seen={("order", 7): 5}, facts=KEPT.facts
    )


@in_loop
async def test_texts_of_any_kind_come_back_as_they_were(path: Path) -> None:
    odd = 'a"\\\n\x00\ud800 \u202e' + "x" * 10_000
    change = Change(totals={("m", (odd, "")): 1}, facts={"f": [odd, {odd: [1, 2.5, True, None]}]})

    await keep(path, change)

    assert await kept(path) == Saved(totals=dict(change.totals), facts=dict(change.facts))


@in_loop
async def test_without_a_file_everything_is_kept_in_memory() -> None:
    async with store(None) as memory:
        saved = await memory.load("a")
        assert await memory.commit("a", FIRST)
        assert saved == KEPT
        assert await memory.load("a") is saved
        assert (memory.trouble, memory.pending) == ("", 0)


@in_loop
async def test_nothing_is_told_before_it_is_in_the_file(path: Path) -> None:
    async with store(path) as watched:
        saved = await watched.load("a")
        assert watched._file is not None
        genuine, seen = watched._file.write, []

        def write(changes: dict[str, Change]) -> None:
            seen.append(dict(saved.totals))
            genuine(changes)
            seen.append(dict(saved.totals))

        watched._file.write = write  # type: ignore[method-assign, assignment] # to look in between
        await watched.commit("a", FIRST)

    assert seen == [{}, {}]
    assert saved == KEPT


@in_loop
async def test_commits_at_the_same_time_go_together(path: Path) -> None:
    async with store(path) as busy:
        accounts = [f"account {number}" for number in range(50)]
        for account in accounts:
            await busy.load(account)
        assert busy._file is not None
        batches, genuine = [], busy._file.write

        def write(changes: dict[str, Change]) -> None:
            batches.append(len(changes))
            genuine(changes)

        busy._file.write = write  # type: ignore[method-assign, assignment] # to count
        assert all(await asyncio.gather(*(busy.commit(account, FIRST) for account in accounts)))

    assert sum(batches) == 50
    assert len(batches) <= 3
    assert await kept(path, "account 49") == KEPT


@in_loop
async def test_a_fact_that_is_no_json_is_refused_and_nothing_is_kept(path: Path) -> None:
    async with store(path) as strict:
        saved = await strict.load("a")
        for fact in (float("nan"), {1, 2}, {"x": object()}):
            with pytest.raises((TypeError, ValueError)):
                await strict.commit("a", Change(totals={TOTAL: 1}, facts={"f": fact}))
        assert (saved, strict.pending) == (Saved(), 0)


CHANGES = st.lists(
    st.builds(
        Change,
        totals=st.dictionaries(
            st.tuples(st.sampled_from("xy"), st.tuples(st.sampled_from("pq"))), st.integers()
        ),
        seen=st.dictionaries(
            st.tuples(st.sampled_from(("deal", "order")), st.integers(0, 9)),
            st.none() | st.integers(0, 2**40),
        ),
        facts=st.dictionaries(st.sampled_from("fg"), st.none() | st.text() | st.lists(st.integers())),
    ),
    max_size=6,
)


@given(CHANGES)
@settings(max_examples=200)
def test_changes_that_are_merged_do_what_they_do_one_by_one(changes: list[Change]) -> None:
    one_by_one, merged, together = Saved(), Saved(), Change()
    for change in changes:
        one_by_one.apply(change)
        together = together.then(change)
    merged.apply(together)
    # Written twice, it is the same.
    merged.apply(together)
    copied = Saved()
    copied.apply(one_by_one.whole())

    assert merged == one_by_one == copied
    assert len(together) == len(together.totals) + len(together.seen) + len(together.facts)


@given(CHANGES, st.integers(0, 6))
@settings(max_examples=25)
def test_the_file_says_what_memory_says(
    tmp_path_factory: pytest.TempPathFactory, changes: list[Change], restart: int
) -> None:
    async def run() -> None:
        path = tmp_path_factory.mktemp("state") / "s.db"
        in_memory = Saved()
        for part in (changes[:restart], changes[restart:]):
            async with store(path) as opened:
                assert await opened.load("a") == in_memory
                for change in part:
                    assert await opened.commit("a", change)
                    in_memory.apply(change)
        assert await kept(path) == in_memory

    asyncio.run(run())


# Killed

CHILD = """
import asyncio, sys
from pathlib import Path
from mt5_exporter.clock import SystemClock
from mt5_exporter.store import Change, StateStore

async def main() -> None:
    store = StateStore(Path(sys.argv[1]), SystemClock(), deadline=20)
    saved = await store.load("a")
    number = saved.totals.get(("n", ()), 0)
    while True:
        number += 1
        assert await store.commit("a", Change(
            totals={("n", ()): number, ("twice", ("x",)): 2 * number},
            seen={("deal", number): number, ("deal", number - 50): None},
            facts={"n": [number]},
        ))
        print(number, flush=True)

asyncio.run(main())
"""


@contextmanager
def child(path: Path, code: str = CHILD) -> Iterator["subprocess.Popen[str]"]:
    """Return a process that commits and tells each number, once it has begun; it is killed at the end."""
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@in_loop
async def test_a_killed_exporter_leaves_all_that_it_told_and_nothing_in_halves(path: Path) -> None:
    chance, last = random.Random(4), 0
    for _ in range(8):
        with child(path) as process:
            assert process.stdout is not None
            await asyncio.sleep(0.02 + chance.random() / 10)
            process.send_signal(signal.SIGKILL)
            lines = process.stdout.read().split()
        # The first line has been read, and the last one may have been cut off.
        told = max([last + 1, *map(int, lines[:-1])])

        saved = await kept(path)

        last = saved.totals["n", ()]
        assert last >= told
        assert saved.totals["twice", ("x",)] == 2 * last
        assert saved.facts["n"] == [last]
        assert set(saved.seen.values()) == set(range(max(1, last - 49), last + 1))


@in_loop
async def test_a_second_exporter_on_the_file_goes_on_in_memory_and_spoils_nothing(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    with child(path):
        async with store(path, clock) as second:
            with pytest.raises(StoreError, match="locked"):
                await second.load("a")
            assert second.trouble == "locked"
            clock.advance(PATIENCE)
            saved = await second.load("a")
            assert saved == Saved()
            assert not await second.commit("a", FIRST)
            assert saved == KEPT
            assert second.pending == len(FIRST)
            assert second.errors["locked"] >= 2

    before = await kept(path)
    assert before.totals["n", ()] > 0
    assert TOTAL not in before.totals
    assert len(warnings(caplog)) == 1


@in_loop
async def test_an_account_that_began_in_memory_is_not_written_over_what_the_file_has_of_it(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await keep(path)
    clock = FakeClock()
    holder = sqlite3.connect(path)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN IMMEDIATE")
    async with store(path, clock) as second:
        with pytest.raises(StoreError):
            await second.load("a")
        clock.advance(PATIENCE)
        for account in ("a", "b"):
            await second.load(account)
            assert not await second.commit(account, Change(totals={TOTAL: 1}))
        holder.close()
        clock.advance(RETRY)

        # The other account was never in the file, and is written.
        assert await second.commit("b", Change(totals={TOTAL: 2}))
        assert not await second.commit("a", Change(totals={TOTAL: 2}))

        # It says so until it is started again.
        assert second.trouble == "locked"
        assert second.pending == 0
    assert await kept(path) == KEPT
    assert (await kept(path, "b")).totals == {TOTAL: 2}
    assert len(warnings(caplog)) == 2


@in_loop
async def test_a_file_that_another_exporter_had_in_between_is_left_to_it(path: Path) -> None:
    clock = FakeClock()
    async with store(path, clock) as first:
        await first.load("a")
        assert await first.commit("a", FIRST)
        assert first._file is not None
        await first._in_turn(first._file.close)
        await keep(path, Change(totals={TOTAL: 77}))

        assert not await first.commit("a", Change(totals={TOTAL: 4}))

        assert first.trouble == "locked"
        assert (await first.load("a")).totals == {TOTAL: 4}
    assert (await kept(path)).totals == {TOTAL: 77}


@in_loop
async def test_a_file_that_nobody_had_in_between_is_gone_on_with(path: Path) -> None:
    await keep(path)
    for write_first in (True, False):
        async with store(path) as opened:
            saved = await opened.load("a")
            if write_first:
                await opened.commit("a", Change(facts={"f": 1}))
            assert opened._file is not None
            await opened._in_turn(opened._file.close)
            assert await opened.commit("a", Change(totals={TOTAL: saved.totals[TOTAL] + 1}))
            assert opened.trouble == ""
    assert (await kept(path)).totals == {TOTAL: 5}


# A file that is broken


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def garbage(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(20_000))


def torn(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[4096:] = b"\xff" * (len(body) - 4096)
    path.write_bytes(body)


def alter(statement: str) -> Callable[[Path], None]:
    def run(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(statement)
            connection.commit()

    return run


BROKEN: dict[str, Callable[[Path], None]] = {
    "truncated": truncated,
    "garbage": garbage,
    "torn": torn,
    "no table": alter("DROP TABLE seen"),
    "a total that is no number": alter("UPDATE totals SET value = 'x'"),
    "labels that are no JSON": alter("UPDATE totals SET labels = '['"),
    "labels that are no list": alter("UPDATE totals SET labels = '7'"),
    "a fact that is no JSON": alter("UPDATE facts SET value = '{' WHERE account = 'a'"),
    "a time that is none": alter("UPDATE seen SET time = 'soon'"),
    "text that is no UTF-8": alter("UPDATE facts SET value = CAST(x'ff' AS TEXT) WHERE account = 'a'"),
}


@pytest.mark.parametrize("how", BROKEN)
@in_loop
async def test_a_broken_file_is_put_aside_and_a_fresh_one_begun(
    path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    await keep(path)
    BROKEN[how](path)
    broken = content(path)

    async with store(path) as opened:
        assert await opened.load("a") == Saved()
        assert opened.errors == {"corrupt": 1}
        assert opened.trouble == ""
        assert await opened.commit("a", Change(totals={TOTAL: 1}))

    assert (await kept(path)).totals == {TOTAL: 1}
    [aside] = path.parent.glob("*.corrupt-*[0-9Z]")
    assert aside.read_bytes() == broken
    [line] = warnings(caplog)
    assert str(aside) in line


@in_loop
async def test_a_file_that_breaks_while_it_is_used_is_begun_anew_with_all_that_is_known(path: Path) -> None:
    async with store(path) as opened:
        for account in ("a", "b"):
            await opened.load(account)
            assert await opened.commit(account, FIRST)
        assert opened._file is not None
        await opened._in_turn(opened._file.close)
        garbage(path)

        assert await opened.commit("a", Change(totals={TOTAL: 4}))

    assert (await kept(path)).totals == {TOTAL: 4}
    assert await kept(path, "b") == KEPT
    assert len(list(path.parent.glob("*.corrupt-*"))) == 1


@in_loop
async def test_a_file_that_is_taken_away_is_begun_anew_with_all_that_is_known(path: Path) -> None:
    async with store(path) as opened:
        await opened.load("a")
        assert await opened.commit("a", FIRST)
        for each in path.parent.iterdir():
            each.unlink()

        assert await opened.commit("a", Change(totals={TOTAL: 4}))

    assert await kept(path) == Saved(totals={TOTAL: 4}, seen=KEPT.seen, facts=KEPT.facts)


@in_loop
async def test_broken_files_do_not_pile_up(path: Path) -> None:
    for number in range(module.QUARANTINED + 3):
        garbage(path)
        path.with_name(path.name + "-wal").write_bytes(b"junk %d" % number)
        await keep(path)
    aside = [entry.name for entry in path.parent.iterdir() if ".corrupt-" in entry.name]

    assert len([name for name in aside if not name.endswith("-wal")]) == module.QUARANTINED
    assert len(aside) <= 2 * module.QUARANTINED


@in_loop
async def test_a_broken_file_that_cannot_be_put_aside_is_left_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no")

    garbage(path)
    monkeypatch.setattr("os.replace", refuse)
    clock = FakeClock()
    async with store(path, clock) as opened:
        with pytest.raises(StoreError):
            await opened.load("a")
        clock.advance(PATIENCE)
        await opened.load("a")
        assert not await opened.commit("a", FIRST)
        assert opened.trouble == "corrupt"
        assert (await opened.load("a")) == KEPT
    assert len(warnings(caplog)) == 1
    assert "cannot be put aside" in warnings(caplog)[0]


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (alter(f"PRAGMA user_version = {module.VERSION + 1}"), "newer_version"),
        (alter("PRAGMA application_id = 1"), "foreign"),
    ],
)
@in_loop
async def test_a_file_that_is_not_ours_to_write_is_not_touched(
    path: Path, how: Callable[[Path], None], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    await keep(path)
    how(path)
    before = content(path)
    clock = FakeClock()

    async with store(path, clock) as opened:
        assert await opened.load("a") == Saved()
        for number in range(3):
            assert not await opened.commit("a", Change(totals={TOTAL: number}))
            clock.advance(RETRY)
        assert opened.trouble == reason

    assert content(path) == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert len(warnings(caplog)) == 1


# A disk that fails


@in_loop
async def test_a_full_disk_loses_nothing_and_is_told_once_each_way(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    clock = FakeClock()
    async with store(path, clock) as opened:
        saved = await opened.load("a")
        assert await opened.commit("a", FIRST)
        file = opened._file
        assert file is not None
        await opened._in_turn(lambda: file._ask("PRAGMA max_page_count = 1"))

        big = {("deal", number): number for number in range(5000)}
        assert not await opened.commit("a", Change(totals={TOTAL: 9}, seen=big))
        assert (opened.trouble, opened.errors) == ("full", {"full": 1})
        assert saved.totals == {TOTAL: 9}
        # At rest: a full disk is not asked at each commit.
        assert not await opened.commit("a", Change(totals={TOTAL: 10}))
        assert opened.errors == {"full": 1}
        clock.advance(RETRY)
        assert not await opened.commit("a", Change(totals={TOTAL: 11}))
        assert opened.errors == {"full": 2}
        assert opened.pending == 5001

        await opened._in_turn(lambda: file._ask("PRAGMA max_page_count = 1000000"))
        clock.advance(RETRY)
        assert await opened.commit("a", Change(facts={"f": 1}))
        assert (opened.trouble, opened.pending) == ("", 0)

    found = await kept(path)
    assert found.totals == {TOTAL: 11}
    assert len(found.seen) == 5000
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


@in_loop
async def test_a_file_that_turns_read_only_is_read_and_not_written(path: Path) -> None:
    await keep(path)
    clock = FakeClock()
    async with store(path, clock) as opened:
        assert await opened.load("a") == KEPT
        file = opened._file
        assert file is not None
        await opened._in_turn(lambda: file._ask("PRAGMA query_only = ON"))

        assert not await opened.commit("a", Change(totals={TOTAL: 4}))
        assert opened.trouble == "read_only"

        # It is opened anew, since nothing of ours is in it yet.
        clock.advance(RETRY)
        assert await opened.commit("a", Change(totals={TOTAL: 5}))
    assert (await kept(path)).totals == {TOTAL: 5}


@pytest.mark.parametrize("obstacle", ["missing directory", "directory in its place", "file in the way"])
@in_loop
async def test_a_path_where_no_file_can_be_is_trouble_until_it_is_cleared(
    tmp_path: Path, obstacle: str
) -> None:
    folder = tmp_path / "state"
    path = folder / "mt5.db"
    if obstacle == "directory in its place":
        path.mkdir(parents=True)
    elif obstacle == "file in the way":
        folder.write_text("")
    clock = FakeClock()
    async with store(path, clock) as opened:
        with pytest.raises(StoreError):
            await opened.load("a")
        assert opened.trouble == "io"
        clock.advance(PATIENCE)
        await opened.load("a")
        assert not await opened.commit("a", FIRST)

        if obstacle == "file in the way":
            folder.unlink()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        clock.advance(RETRY)
        assert await opened.commit("a", Change(facts={"f": 1}))
        assert opened.trouble == ""
    assert await kept(path) == Saved(totals=KEPT.totals, seen=KEPT.seen, facts={**KEPT.facts, "f": 1})


NAMESPACE = """
import asyncio, subprocess, sys
from pathlib import Path
from mt5_exporter.store import Change, StateStore
from mt5_exporter.store.keeper import RETRY
from tests.session.stage import FakeClock

folder, case = Path(sys.argv[1]), sys.argv[2]
TOTAL = ("n", ())

def mount(options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], check=True)

async def commit(store: StateStore, clock: FakeClock, number: int, rows: int = 0) -> bool:
    clock.advance(RETRY)
    return await store.commit("a", Change(totals={TOTAL: number}, seen={("d", n): n for n in range(rows)}))

async def main() -> None:
    clock = FakeClock()
    mount("size=400k")
    store = StateStore(folder / "s.db", clock, deadline=20)
    await store.load("a")
    assert await commit(store, clock, 1)
    if case == "full":
        (folder / "filler").write_bytes(b"x" * 4096)
        try:
            with open(folder / "more", "wb") as more:
                while True:
                    more.write(b"x" * 4096)
        except OSError:
            pass
        assert not await commit(store, clock, 2, 3000)
        assert store.trouble == "full", store.trouble
        (folder / "more").unlink()
        assert await commit(store, clock, 3)
    else:
        await store.close()
        mount("remount,ro")
        store = StateStore(folder / "s.db", clock, deadline=20)
        saved = await store.load("a")
        assert saved.totals == {TOTAL: 1}, (saved, store.trouble)
        assert not await commit(store, clock, 2)
        assert store.trouble == "read_only", store.trouble
        mount("remount,rw")
        assert await commit(store, clock, 3)
    assert store.trouble == "", store.trouble
    await store.close()
    store = StateStore(folder / "s.db", clock, deadline=20)
    assert (await store.load("a")).totals == {TOTAL: 3}
    await store.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("case", ["full", "read_only"])
def test_a_disk_that_is_full_or_read_only_for_real(
    tmp_path: Path, case: str, tool: Callable[[str], str]
) -> None:
    namespace = [tool("unshare"), "--map-root-user", "--mount"]
    tried = subprocess.run([*namespace, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no mount namespace here: {tried.stderr.strip()}")

    ran = subprocess.run(
        [*namespace, sys.executable, "-c", NAMESPACE, str(tmp_path), case],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        cwd=Path(__file__).parents[2],
    )

    assert ran.returncode == 0, ran.stderr


LIMITED = """
import asyncio, resource, signal, sys
from pathlib import Path
from mt5_exporter.store import Change, StateStore
from mt5_exporter.store.keeper import RETRY
from tests.session.stage import FakeClock

async def main() -> None:
    clock = FakeClock()
    store = StateStore(Path(sys.argv[1]), clock, deadline=20)
    saved = await store.load("a")
    assert await store.commit("a", Change(totals={("n", ()): 1}))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
    rows = {("deal", number): number for number in range(20_000)}
    assert not await store.commit("a", Change(totals={("n", ()): 2}, seen=rows))
    assert store.trouble in {"io", "full"}, store.trouble
    assert saved.totals == {("n", ()): 2}
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    clock.advance(RETRY)
    assert await store.commit("a", Change(totals={("n", ()): 3}))
    await store.close()
    store = StateStore(Path(sys.argv[1]), clock, deadline=20)
    saved = await store.load("a")
    assert (len(saved.seen), saved.totals) == (20_000, {("n", ()): 3})
    await store.close()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_write_that_the_system_refuses_loses_nothing(path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        cwd=Path(__file__).parents[2],
    )

    assert ran.returncode == 0, ran.stderr


# A disk that hangs


@in_loop
async def test_a_disk_that_hangs_keeps_nobody_waiting(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    async with store(path, clock, deadline=0.2) as opened:
        saved = await opened.load("a")
        assert await opened.commit("a", FIRST)
        assert opened._file is not None
        release, genuine = threading.Event(), opened._file.write

        def hang(changes: dict[str, Change]) -> None:
            release.wait(20)
            genuine(changes)

        opened._file.write = hang  # type: ignore[method-assign, assignment] # as a disk does
        started = time.monotonic()
        assert not await opened.commit("a", Change(totals={TOTAL: 4}))
        assert saved.totals == {TOTAL: 4}
        for number in range(20):
            assert not await opened.commit("a", Change(totals={TOTAL: 5 + number}))
        assert time.monotonic() - started < 3
        assert opened.trouble == "io"
        assert opened.errors == {"io": 1}

        release.set()
        await until(lambda: opened.trouble == "", what="the disk answered")
        assert await opened.commit("a", Change(facts={"f": 1}))
    assert (await kept(path)).totals == {TOTAL: 24}
    assert len(warnings(caplog)) == 1


@in_loop
async def test_a_disk_that_hangs_does_not_hold_up_the_end(path: Path) -> None:
    release = threading.Event()
    opened = StateStore(path, FakeClock(), deadline=0.1)
    await opened.load("a")
    assert opened._file is not None
    genuine = opened._file.write

    def hang(changes: dict[str, Change]) -> None:
        release.wait(20)
        genuine(changes)

    opened._file.write = hang  # type: ignore[method-assign, assignment] # as a disk does
    await opened.commit("a", FIRST)
    started = time.monotonic()
    await opened.close()
    await opened.close()
    assert time.monotonic() - started < 3
    # What comes later stays in memory.
    assert await opened.commit("a", Change(facts={"f": 1}))
    assert (await opened.load("b")) == Saved()
    assert threading.active_count() > 1
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "state")
    release.set()
    await asyncio.sleep(0)


@in_loop
async def test_a_load_that_is_slow_is_told_and_succeeds_the_next_time(path: Path) -> None:
    await keep(path)
    clock = FakeClock()
    async with store(path, clock, deadline=0.1) as opened:
        assert opened._file is not None
        release, genuine = threading.Event(), opened._file.read

        def hang(account: str) -> Saved:
            release.wait(20)
            return genuine(account)

        opened._file.read = hang  # type: ignore[method-assign] # as a disk does
        with pytest.raises(StoreError, match="no answer"):
            await opened.load("a")
        release.set()
        await until(lambda: opened.trouble == "", what="the disk answered")
        assert await opened.load("a") == KEPT


@in_loop
async def test_the_end_writes_what_is_pending(path: Path) -> None:
    clock = FakeClock()
    async with store(path, clock) as opened:
        await opened.load("a")
        assert await opened.commit("a", Change(facts={"f": 1}))
        file = opened._file
        assert file is not None
        await opened._in_turn(lambda: file._ask("PRAGMA query_only = ON"))
        assert not await opened.commit("a", FIRST)
        await opened._in_turn(lambda: file._ask("PRAGMA query_only = OFF"))
    assert await kept(path) == Saved(totals=KEPT.totals, seen=KEPT.seen, facts={**KEPT.facts, "f": 1})


@in_loop
async def test_a_cancelled_commit_is_written_and_told_by_the_next(path: Path) -> None:
    async with store(path) as opened:
        saved = await opened.load("a")
        task = asyncio.ensure_future(opened.commit("a", Change(totals={TOTAL: 1})))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert saved.totals == {}
        assert await opened.commit("a", Change(totals={TOTAL: 2}))
        assert saved.totals == {TOTAL: 2}
    assert (await kept(path)).totals == {TOTAL: 2}


@in_loop
async def test_two_who_load_an_account_have_the_same(path: Path) -> None:
    await keep(path)
    async with store(path) as opened:
        one, two = await asyncio.gather(opened.load("a"), opened.load("a"))
        assert one is two


# The thread


@in_loop
async def test_the_thread_hands_on_results_and_errors_and_holds_few_of_them() -> None:
    thread, release = OwnThread("test"), threading.Event()
    started = threading.Event()

    def wait() -> int:
        started.set()
        release.wait(20)
        return 1

    first = thread.do(wait)
    assert await asyncio.to_thread(started.wait, 20)
    waiting = [thread.do(lambda: json.loads("[")) for _ in range(BOUND)]
    with pytest.raises(queue.Full):
        thread.do(lambda: None)
    waiting[0].cancel()
    release.set()

    assert await first == 1
    for outcome in waiting[1:]:
        with pytest.raises(ValueError, match="Expecting"):
            await outcome
    thread.end()
    thread.end()


def test_a_loop_that_is_gone_is_told_nothing() -> None:
    thread, release, done = OwnThread("test"), threading.Event(), threading.Event()

    async def leave() -> None:
        thread.do(lambda: release.wait(20))

    asyncio.run(leave())
    release.set()

    async def again() -> None:
        await thread.do(done.set)

    asyncio.run(again())
    assert done.is_set()
    thread.end()


# The file


def test_every_reason_is_a_bounded_word() -> None:
    assert set(module._BY_CODE.values()) | {"io", "newer_version", "foreign"} == set(REASONS)


def test_an_error_of_the_module_itself_is_not_the_files_fault(path: Path) -> None:
    assert module._reason(sqlite3.ProgrammingError("closed")) == "io"
    assert module._reason(sqlite3.OperationalError("Could not decode to UTF-8")) == "corrupt"


def test_a_commit_is_synced_and_nobody_else_can_open_the_file(path: Path) -> None:
    file = SQLiteFile(path, lambda: 0.0)
    file.ready()
    file.write({"a": FIRST})

    assert file._ask("PRAGMA synchronous") == 2
    assert file._ask("PRAGMA journal_mode") == "wal"
    assert not path.with_name(path.name + "-shm").exists()
    with closing(sqlite3.connect(path, timeout=0)) as other, pytest.raises(sqlite3.OperationalError):
        other.execute("SELECT * FROM totals")
    file.close()
    file.close()


def test_a_change_that_cannot_be_written_leaves_the_file_as_it_was(path: Path) -> None:
    file = SQLiteFile(path, lambda: 0.0)
    file.write({"a": FIRST})
    with pytest.raises(OverflowError):
        file.write({"a": Change(totals={TOTAL: 8}, seen={("deal", 2**64): 1})})

    assert file.read("a") == KEPT
    file.close()


def test_a_file_that_cannot_be_written_is_read_where_it_is_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = SQLiteFile(path, lambda: 0.0)
    file.write({"a": FIRST})
    file.close()
    before = path.read_bytes()
    monkeypatch.setattr("os.access", lambda *_: False)

    assert file.read("a") == KEPT
    with pytest.raises(StoreError) as refused:
        file.write({"a": FIRST})
    assert refused.value.reason == "read_only"
    assert path.read_bytes() == before

    for name, what in ((path.name + "-wal", b"commits"), (path.name, b"")):
        path.with_name(name).write_bytes(what)
        with pytest.raises(StoreError) as refused:
            file.read("a")
        assert refused.value.reason == "read_only"
        path.with_name(path.name + "-wal").unlink(missing_ok=True)
