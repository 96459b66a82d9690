"""Ways to break a dashboard on purpose."""

from collections.abc import Callable

from tests.dashboards.reading import Json, at, listed, mapping, panels, variables

Break = Callable[[Json], None]


def panel(title: str, change: Break) -> Break:
    """Return what changes one panel."""

    def broken(board: Json) -> None:
        change(next(panel for panel in panels(board) if panel["title"] == title))

    return broken


def query(title: str, change: Callable[[str], str], *, loki: bool = False) -> Break:
    """Return what changes the first expression of a panel."""

    def broken(found: Json) -> None:
        target = listed(found["targets"])[0]
        target["expr"] = change(str(target["expr"]))
        if loki:
            target["datasource"] = {"type": "loki", "uid": "${datasource}"}

    return panel(title, broken)


def replaced(title: str, old: str, new: str) -> Break:
    """Return what replaces a piece of the first expression of a panel."""

    def swap(expr: str) -> str:
        assert old in expr, expr
        return expr.replace(old, new)

    return query(title, swap)


def variable(name: str, /, **keys: object) -> Break:
    """Return what sets keys of a variable."""

    def broken(board: Json) -> None:
        next(found for found in variables(board) if found["name"] == name).update(keys)

    return broken


def put(*path: str | int, value: object) -> Break:
    """Return what sets a value somewhere."""

    def broken(found: Json) -> None:
        *above, last = path
        place = at(found, *above)
        if isinstance(place, list):
            assert isinstance(last, int)
            place[last] = value
        else:
            mapping(place)[str(last)] = value

    return broken


def dropped(*path: str | int) -> Break:
    """Return what takes a key away."""

    def broken(found: Json) -> None:
        *above, last = path
        del mapping(at(found, *above))[str(last)]

    return broken
