"""Pages of a forge for a site: links to files outside of docs become their names, formulas MathML."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\[([^\]]*)\]\(\.\./([^)#]+)(#[^)]*)?\)")
FORMULA = re.compile(r'<(span|div) class="arithmatex">\s*\\([(\[])(.*?)\\[)\]]\s*</\1>', re.S)


def on_page_markdown(markdown: str, **kwargs: Any) -> str:
    """Replace links to files of the checkout, and refuse those that lead nowhere.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    """

    def name(found: re.Match[str]) -> str:
        text, path = found[1].strip("`"), found[2]
        if not (ROOT / path).exists():
            raise FileNotFoundError(f"{kwargs['page'].file.src_path}: there is no {path}")
        return (
            f"`{path}`" if text in (path, path.rsplit("/", 1)[-1], path.rstrip("/")) else f"{text} (`{path}`)"
        )

    return LINK.sub(name, markdown)


def on_page_content(content: str, **kwargs: Any) -> str:
    """Write formulas as MathML, which browsers draw themselves: no script has to be fetched."""

    def drawn(found: re.Match[str]) -> str:
        return convert(html.unescape(found[3]).strip(), display="block" if found[2] == "[" else "inline")

    return FORMULA.sub(drawn, content)
