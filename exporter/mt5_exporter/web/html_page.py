"""A page of plain HTML: one style sheet, no script, and a policy that lets nothing else in."""

import base64
import hashlib
from html import escape

from starlette.responses import HTMLResponse

STYLE = """
:root{color-scheme:light dark;--text:#1b1f24;--soft:#57606a;--paper:#fff;--line:#d0d7de;
--good:#116329;--bad:#b00020;--odd:#7a4b00;--link:#0550ae}
@media (prefers-color-scheme:dark){:root{--text:#e6edf3;--soft:#9aa4ae;--paper:#0d1117;--line:#30363d;
--good:#56d364;--bad:#ff8f87;--odd:#e3b341;--link:#79c0ff}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:70rem;padding:1rem;
color:var(--text);background:var(--paper);overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:0 0 .5rem}
h3{font-size:1rem;margin:1rem 0 .25rem}
p{margin:.25rem 0}
a{color:var(--link)}
nav a{display:inline-block;padding:.5rem 1rem .5rem 0}
.soft{color:var(--soft)}
.good{color:var(--good)}
.bad{color:var(--bad);font-weight:600}
.odd{color:var(--odd)}
.terminal{border:1px solid var(--line);border-radius:6px;margin:.75rem 0;padding:0 .75rem}
.terminal>summary{padding:.75rem 0}
.terminal>summary b{font-size:1.125rem;margin-right:.5rem}
summary{cursor:pointer}
.sides{display:grid;gap:0 2rem;grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),1fr))}
table{border-collapse:collapse;width:100%;font-size:.9375rem}
th,td{text-align:left;vertical-align:top;padding:.25rem .5rem .25rem 0;border-top:1px solid var(--line);
overflow-wrap:break-word}
thead th,.why td{border-top:0}
thead th,.why{color:var(--soft);font-weight:400}
.why td{padding-top:0;overflow-wrap:anywhere}
tbody th{font-weight:400}
.terminal>:last-child{margin-bottom:.75rem}
"""

POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def page(title: str, body: str) -> HTMLResponse:
    """Return a page; `body` is HTML, in which every text has been through `escape`."""
    return HTMLResponse(
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        headers=HEADERS,
    )
