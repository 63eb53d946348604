"""Page: renders values as one self-contained HTML file.

Values come from flows and are untrusted: they are embedded as JSON in a non-executable block, with every
``<``, ``>`` and ``&`` escaped, and the script inserts them only as text. A content security policy allows
only the page's own script and style, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from string import Template
from typing import Any

from morpheus_gae.flows.tables.printable import json_escapes

SCRIPTS = ("base.js", "charts.js", "graph.js", "table.js", "incidents.js", "sections.js", "main.js")
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def page(values: dict[str, Any]) -> str:
    """Render the page.

    Parameters
    ----------
    values
        What it shows, as plain values: see ``report.values``.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    script = "(() => {\n'use strict';\n" + "".join(_part(name) for name in SCRIPTS) + "})();\n"
    style = _part("report.css")
    return Template(_part("report.html")).substitute(
        script=script, style=style, script_hash=_hash(script), style_hash=_hash(style), data=safe_json(values)
    )


def safe_json(values: Any) -> str:
    """Return JSON that is safe inside HTML: no ``<``, ``>``, ``&``, only ASCII."""
    text = json.dumps(values, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return json_escapes(text)


def _part(name: str) -> str:
    return resources.files("morpheus_gae.report").joinpath(f"page/{name}").read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
