from __future__ import annotations

from pathlib import Path

import pytest

from morpheus_gae.errors import UsageError
from morpheus_gae.sinks.remote.secrets import PREFIX, Secrets, load_secrets


def test_values_and_files_of_values(tmp_path: Path) -> None:
    token, ca = tmp_path / "token", tmp_path / "ca.pem"
    token.write_text("abc123\n")
    ca.write_text("")
    told = {
        f"{PREFIX}TOKEN_FILE": str(token),
        f"{PREFIX}USERNAME": "joe",
        f"{PREFIX}PASSWORD": "hunter2",
        f"{PREFIX}CA_FILE": str(ca),
        "MORPHEUS_GAE_KAFKA_SASL_PASSWORD": "of others",
    }
    found = load_secrets(told)
    assert found == Secrets(token="abc123", username="joe", password="hunter2", ca_file=str(ca))
    assert "abc123" not in repr(found)
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"TOKN": "hunter2"}, "TOKN: unknown"),
        ({"TOKEN": "hunter2\nX-Evil: 1"}, "cannot be sent"),
        ({"TOKEN": "hunter2é"}, "cannot be sent"),
        ({"TOKEN": ""}, "cannot be sent"),
        ({"TOKEN_FILE": "nowhere"}, "nowhere cannot be read"),
        ({"TOKEN": "hunter2", "TOKEN_FILE": "x"}, "and as _FILE too"),
        ({"USERNAME": "hunter2"}, "belong together"),
        ({"CA_FILE": "nowhere"}, "nowhere cannot be read"),
        ({"CLIENT_KEY": __file__}, "without"),
    ],
)
def test_what_is_refused_and_no_value_is_told(told: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load_secrets({PREFIX + name: value for name, value in told.items()})
    assert "hunter2" not in str(caught.value)
