from __future__ import annotations

import os
from pathlib import Path

import pytest

from morpheus_gae.engine.run.overwriting import refuse_overwriting
from morpheus_gae.engine.settings import Settings
from morpheus_gae.errors import OutputError


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_what_is_opened_late_can_be_written(tmp_path: Path) -> None:
    closed, opened, kept = tmp_path / "closed", tmp_path / "opened", tmp_path / "kept"
    closed.mkdir(0o555)
    opened.mkdir()
    kept.touch(0o444)
    for path in (closed / "bad.ndjson", kept):
        with pytest.raises(OutputError, match="permission denied"):
            refuse_overwriting(Settings(dead_letters=str(path)))
    refuse_overwriting(Settings(dead_letters=str(opened / "bad.ndjson")))
