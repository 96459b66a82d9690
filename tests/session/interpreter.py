"""An interpreter that is none of Python's workers, and does as its first argument says.

It stands for a foreign interpreter in `command`: it takes what `launcher` sends to any, and answers by hand.
Standard library only; it is run by its path.
"""

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping

HELLO = {"protocol": 1, "python": "3.11.2", "driver": "played", "package": "5.0"}

Request = Mapping[str, object]


def take() -> bytes | None:
    """Return the next frame's body from stdin, None at its end."""
    header = sys.stdin.buffer.read(4)
    return sys.stdin.buffer.read(int.from_bytes(header, "big")) if len(header) == 4 else None


def encode(message: object) -> bytes:
    body = json.dumps(message).encode()
    return len(body).to_bytes(4, "big") + body


def write(data: bytes, to: int = 1) -> None:
    while data:
        data = data[os.write(to, data) :]


def send(message: object) -> None:
    write(encode(message))


def wait_until_read(of: int = 1) -> None:
    """Wait until the other end has read all that we wrote."""
    while struct.unpack("i", fcntl.ioctl(of, termios.FIONREAD, b"\0" * 4))[0]:
        os.sched_yield()


def answer(request: Request) -> dict[str, object]:
    return {"id": request["id"], "rss": 1000, "results": request.get("echo")}


def echo(request: Request) -> None:
    send(answer(request))


def split(request: Request) -> None:
    """Answer in two parts, the second when the first has been read."""
    frame, at = encode(answer(request)), request["at"]
    assert isinstance(at, int)
    write(frame[:at])
    wait_until_read()
    write(frame[at:])


def garbage(_: Request) -> None:
    write(b"\xff" * 64)


def no_json(_: Request) -> None:
    write((4).to_bytes(4, "big") + b"{no}")


def large_no_json(_: Request) -> None:
    write((300_000).to_bytes(4, "big") + b"x" * 300_000)


def half(_: Request) -> None:
    write(b"\0\0\0\x40{")


def huge(_: Request) -> None:
    write((1 << 30).to_bytes(4, "big"))


def wrong_id(request: Request) -> None:
    send({**answer(request), "id": -1})


def malformed(request: Request) -> None:
    send({**answer(request), "results": [["not", "a", "row"]]})


def two_rows(request: Request) -> None:
    row = [True, 1, "Success", 0.0]
    send({**answer(request), "results": [row, row]})


def answer_twice(request: Request) -> None:
    """Send the answer, and the same frame once more."""
    write(encode(answer(request)) + encode(answer(request)))


def die(_: Request) -> None:
    os._exit(9)


def answer_and_die(request: Request) -> None:
    send(answer(request))
    os._exit(4)


def lines(request: Request) -> None:
    write("first\nzweite Zeile \xe4\n".encode("latin-1"), 2)
    send(answer(request))


def flood(request: Request) -> None:
    """Write a flood without a newline, and one line after it."""
    write(b"x" * 3_000_000 + b"\nafter the flood\n", 2)
    send(answer(request))


def leave_a_child(request: Request) -> None:
    """Start a process that keeps our pipes open, tell its number, and die when asked again."""
    number = request.get("echo")
    if number == "die":
        os._exit(7)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    send({**answer(request), "results": child.pid})


REPLIES: Mapping[str, Callable[[Request], None]] = {
    reply.__name__: reply
    for reply in (
        echo,
        split,
        garbage,
        no_json,
        large_no_json,
        half,
        huge,
        wrong_id,
        malformed,
        two_rows,
        answer_twice,
        die,
        answer_and_die,
        lines,
        flood,
        leave_a_child,
    )
}

GREETINGS: Mapping[str, object] = {
    "wrong_protocol": {"hello": {**HELLO, "protocol": 99}},
    "no_hello": {"hello": "good day"},
    "bad_error": {"hello": HELLO, "error": ["no", "code"]},
    "no_module": {"hello": HELLO, "error": [-20005, "No module named 'MetaTrader5'"]},
}


def main(behaviour: str) -> int:
    if behaviour == "exits":
        return 3
    for _ in range(3):
        take()
    if behaviour == "silent":
        take()
        return 0
    if behaviour == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        send({"hello": HELLO})
        while True:
            signal.pause()
    if behaviour == "no_module":
        write(b"about to greet\n", 2)
        wait_until_read(2)
    send(GREETINGS.get(behaviour, {"hello": HELLO}))
    if behaviour in GREETINGS or behaviour == "greets_and_dies":
        os._exit(5)
    while (body := take()) is not None:
        request = json.loads(body)
        if request.get("op") == "shutdown":
            return 0
        REPLIES[behaviour](request)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
