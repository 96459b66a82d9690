"""The ways between dashboards, alerts and runbooks: D8."""

import re
from collections.abc import Iterator, Mapping, Sequence

from dashboards.lib import links
from tests.alerts.shipped import Alert, Shipped
from tests.dashboards.reading import Json, everywhere, listed, panels, variables

Boards = Sequence[Json]


def d8_links(boards: Boards, shipped: Shipped) -> Iterator[str]:
    """Every way leads somewhere: to dashboards with their variables, to runbooks; and every alert here."""
    takes = {str(board["uid"]): {str(variable["name"]) for variable in variables(board)} for board in boards}
    for board in boards:
        yield from _top_links(board)
        for where, url in _urls(board):
            yield from (f"{board['uid']}: {where} {text}" for text in _led(url, takes, shipped))
    for alert in shipped.alerts:
        uid, given = alert_link(alert)
        if uid not in takes or not given <= takes[uid]:
            yield f"{alert.name}: leads to {uid} with {sorted(given)}"
            continue
        board = next(board for board in boards if board["uid"] == uid)
        if not any(url.endswith(f"/{alert.name}.md") for _, url in _urls(board)):
            yield f"{uid}: no panel leads to the runbook of {alert.name}"


def alert_link(alert: Alert) -> tuple[str, set[str]]:
    """Return the dashboard that an alert leads to, and the variables that it sets there."""
    found = re.search(r"/d/([a-z0-9-]+)(\?.*)?$", alert.annotations["dashboard_url"])
    assert found is not None, alert.name
    return found[1], set(re.findall(r"[?&]var-(\w+)=", found[2] or ""))


def _top_links(board: Json) -> Iterator[str]:
    found = listed(board.get("links", []))
    others = {
        "type": "dashboards",
        "tags": ["mt5"],
        "asDropdown": True,
        "includeVars": True,
        "keepTime": True,
    }
    if not any(others.items() <= link.items() for link in found):
        yield f"{board['uid']}: does not lead to the others"
    if not any(link["type"] == "link" and link["url"] == links.RUNBOOKS for link in found):
        yield f"{board['uid']}: does not lead to the runbooks"


def _urls(board: Json) -> Iterator[tuple[str, str]]:
    """Yield the links of panels and values, with whose they are."""
    for panel in panels(board):
        for where, found in everywhere(panel, "links", "value"):
            if isinstance(found, list):
                yield from ((f"{panel['title']}{where}", str(link["url"])) for link in found if "url" in link)


def _led(url: str, takes: Mapping[str, set[str]], shipped: Shipped) -> Iterator[str]:
    runbook = re.fullmatch(r"\$\{runbooks\}/(\w+|\$\{__data\.fields\.alertname\})\.md", url)
    way = re.fullmatch(r"/d/([a-z0-9-]+)\?(.+)", url)
    if runbook and (runbook[1] in shipped.runbooks or runbook[1].startswith("$")):
        return
    if not way or way[1] not in takes:
        yield f"leads to {url}"
    elif not set(re.findall(r"var-(\w+)=", way[2])) <= takes[way[1]]:
        yield f"sets variables that {way[1]} has not: {url}"
    elif "${datasource:queryparam}" not in way[2] or "${__url_time_range}" not in way[2]:
        yield f"loses the data source or the time: {url}"
