"""Who is connected: how many, and who makes room."""

import pytest

from mt5_exporter.web.crowd import Crowd


class Guest:
    def __init__(self, name: str, sent: list[str]) -> None:
        self._name = name
        self._sent = sent

    def send_away(self) -> None:
        self._sent.append(self._name)


@pytest.fixture
def sent() -> list[str]:
    return []


def test_there_is_room_up_to_the_limit(sent: list[str]) -> None:
    crowd = Crowd(2)
    crowd.idle(Guest("a", sent))

    assert crowd.make_room()
    assert len(crowd) == 1
    assert sent == []


def test_whoever_is_idle_longest_makes_room(sent: list[str]) -> None:
    crowd = Crowd(3)
    first, second, third = (Guest(name, sent) for name in "abc")
    for guest in (first, second, third):
        crowd.idle(guest)
    crowd.busy(first)
    crowd.idle(first)
    crowd.idle(second)

    assert crowd.make_room()
    assert sent == ["b"]
    assert len(crowd) == 2


def test_nobody_is_sent_away_in_the_middle_of_an_answer(sent: list[str]) -> None:
    crowd = Crowd(2)
    for name in "ab":
        crowd.busy(Guest(name, sent))

    assert not crowd.make_room()
    assert sent == []


def test_who_has_gone_takes_no_room(sent: list[str]) -> None:
    crowd = Crowd(1)
    guest = Guest("a", sent)
    for state in (crowd.idle, crowd.busy):
        state(guest)
        crowd.gone(guest)
        crowd.gone(guest)

        assert crowd.make_room()
    assert sent == []


def test_0_is_no_limit(sent: list[str]) -> None:
    crowd = Crowd(0)
    for number in range(1000):
        crowd.busy(Guest(str(number), sent))

    assert crowd.make_room()
