from __future__ import annotations

import glob
import json
import re
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from morpheus_gae.detect.encodings import encoding
from morpheus_gae.errors import OutputError, UsageError
from morpheus_gae.sinks.remote.open import open_remote
from morpheus_gae.sinks.remote.records import Record
from morpheus_gae.sinks.remote.retry import Retry
from morpheus_gae.sinks.remote.sink import RemoteSink
from morpheus_gae.sinks.remote.syslog import SyslogPost
from morpheus_gae.sinks.remote.wire import StreamWire
from tests.detect.test_encodings import alerts
from tests.kafka.certificates import Authority, has_openssl
from tests.ports import free_port
from tests.sinks.remote.servers import Count, Octets

# RFC 5424: priority, version, time, host, application, process, kind, no structured data, message
MESSAGE = re.compile(rb"<(\d+)>1 (\S+) (\S+) morpheus-gae (\d+) alert - (.*)", re.DOTALL)
needs_openssl = pytest.mark.skipif(not has_openssl(), reason="no openssl command to make certificates with")
needs_ossl = pytest.mark.skipif(not glob.glob("/usr/lib*/**/rsyslog/lmnsd_ossl.so"), reason="no rsyslog TLS")
needs_rsyslog = pytest.mark.skipif(shutil.which("rsyslogd") is None, reason="no rsyslogd")


def opened(url: str, count: Count | None = None, form: str = "plain", **told: object) -> RemoteSink:
    retry = Retry(30.0, lambda _: None)
    told = {"environment": {}, "retry": retry, "name_of_encoding": form, **told}
    return open_remote(url, encoding(form), count or Count(), **told)  # type: ignore[arg-type]


def sent(out: RemoteSink) -> None:
    out.add(alerts())
    out.flush()


def test_messages_over_tcp_are_those_of_the_standard() -> None:
    count = Count()
    with Octets() as server:
        out = opened(f"syslog+tcp://127.0.0.1:{server.port}?facility=local4", count)
        sent(out)
        messages = server.wait(lambda m: len(m) == 3)
        out.close()
    found = [MESSAGE.fullmatch(message) for message in messages]
    # local4 is 20; notice, warning and error are 5, 4 and 3
    assert [int(m[1]) - 8 * 20 for m in found if m] == [4, 3, 5]
    assert found[0] is not None
    assert found[0][2] == b"2025-03-10T08:00:00.231Z"
    assert json.loads(found[0][5])["IPV4_DST_ADDR"] == "198.51.100.7"
    assert count.counts["delivered_alerts"] == 3


def test_cef_is_the_message_itself() -> None:
    with Octets() as server:
        out = opened(f"syslog+tcp://127.0.0.1:{server.port}", form="cef")
        sent(out)
        found = MESSAGE.fullmatch(server.wait(lambda m: len(m) == 3)[0])
        out.close()
    assert found is not None
    assert found[5].startswith(b"CEF:0|morpheus-gae|")


@needs_openssl
def test_tls_checks_who_the_server_is(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path / "ours"), Authority(tmp_path / "other")
    told = {"MORPHEUS_GAE_OUTPUT_CA_FILE": str(ours.certificate)}
    with Octets(ours.server()) as server, Octets(other.server()) as stranger:
        out = opened(f"syslog+tls://127.0.0.1:{server.port}", environment=told)
        sent(out)
        sent(out)
        assert len(server.wait(lambda m: len(m) == 6)) == 6
        assert server.connections == 1
        out.close()
        out = opened(f"syslog+tls://127.0.0.1:{stranger.port}", environment=told)
        with pytest.raises(OutputError, match=r"127\.0\.0\.1: its certificate is refused"):
            sent(out)
        out.close()
        # the name must fit as well
        out = opened(f"syslog+tls://localhost:{server.port}", environment=told)
        with pytest.raises(OutputError, match="localhost: its certificate is refused"):
            sent(out)
        out.close()
        assert stranger.messages == []


@needs_openssl
def test_tls_shows_a_certificate_of_ours_where_it_is_asked_for(tmp_path: Path) -> None:
    ours = Authority(tmp_path / "ours")
    certificate, key = ours.issue("scorer")
    told = {"CA_FILE": ours.certificate, "CLIENT_CERT": certificate, "CLIENT_KEY": key}
    environment = {f"MORPHEUS_GAE_OUTPUT_{name}": str(path) for name, path in told.items()}
    with Octets(ours.server(client=True)) as server:
        out = opened(f"syslog+tls://127.0.0.1:{server.port}", environment=environment)
        sent(out)
        assert len(server.wait(lambda m: len(m) == 3)) == 3
        out.close()
    with pytest.raises(UsageError, match="_CLIENT_CERT"):
        opened("syslog+tls://h", environment={**environment, "MORPHEUS_GAE_OUTPUT_CLIENT_KEY": __file__})


def test_a_server_that_goes_and_comes_back_gets_everything() -> None:
    out = None
    with Octets() as server:
        port = server.port
        out = opened(f"syslog+tcp://127.0.0.1:{port}")
        sent(out)
        server.wait(lambda m: len(m) == 3)
    back: list[Octets] = []

    def wait(_: float) -> None:
        # while we wait for the server it comes back
        if not back:
            back.append(Octets(port=port))

    out._retry._wait = wait
    sent(out)
    with back[0] as server:
        assert len(server.wait(lambda m: len(m) >= 3)) == 3
    out.close()


def test_a_server_that_stays_away_ends_the_run() -> None:
    now = [0.0]
    retry = Retry(60.0, lambda s: now.__setitem__(0, now[0] + s), lambda: now[0])
    with socket.socket() as taken:
        # nobody else may listen there, and it does not itself
        taken.bind(("127.0.0.1", 0))
        out = opened(f"syslog+tcp://127.0.0.1:{taken.getsockname()[1]}", retry=retry)
        with pytest.raises(OutputError, match="did not take alerts for 60 s: Connection refused"):
            sent(out)
        out.close()


def test_a_server_that_reads_nothing_is_not_waited_for_without_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire = StreamWire("127.0.0.1", deaf.getsockname()[1], seconds=0.2)
        retry = Retry(0.0, lambda _: None)
        out = RemoteSinkOf(wire, retry)
        with pytest.raises(OutputError, match="did not take alerts for 0 s"):
            out.post_all([Record(b"x" * (32 << 20), "", 0, 0, "")])
        wire.close()


class RemoteSinkOf:
    """Sends records as they are."""

    def __init__(self, wire: StreamWire, retry: Retry) -> None:
        self._post, self._retry = SyslogPost(wire), retry

    def post_all(self, records: list[Record]) -> None:
        from morpheus_gae.sinks.remote.retry import Transient

        try:
            self._post.post(records)
        except Transient as failure:
            self._retry.pause("it", failure)


def test_datagrams_and_those_that_do_not_fit(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(30)
        refused = tmp_path / "refused.jsonl"
        out = opened(f"syslog+udp://127.0.0.1:{server.getsockname()[1]}", refused=str(refused))
        sent(out)
        assert all(MESSAGE.fullmatch(server.recv(65_536)) for _ in range(3))
        table = alerts({"note": ["x" * 66_000]} | {k: v[:1] for k, v in alerts_rows().items() if k != "note"})
        out.add(table)
        out.flush()
        out.close()
    assert "too long for UDP" in json.loads(refused.read_text())["detail"]


def alerts_rows() -> dict[str, list[object]]:
    from tests.detect.test_encodings import ROWS

    return ROWS


def test_times_that_the_standard_cannot_tell_are_left_out() -> None:
    with Octets() as server:
        post = SyslogPost(StreamWire("127.0.0.1", server.port), host="a host\n")
        post.post([Record(b"x", "", at, 0, "") for at in (-1, 1 << 52, 0)])
        messages = server.wait(lambda m: len(m) == 3)
        post.close()
    assert [m.split()[1] for m in messages] == [b"-", b"-", b"1970-01-01T00:00:00.000Z"]
    assert messages[0].split()[2] == b"ahost"


def test_what_syslog_does_not_know_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown facility 'local9'"):
        opened("syslog+tcp://h?facility=local9")
    with pytest.raises(UsageError, match="syslog knows no token"):
        opened("syslog+tcp://h", environment={"MORPHEUS_GAE_OUTPUT_TOKEN": "x"})


@needs_rsyslog
@pytest.mark.parametrize("transport", ["tcp", "udp", pytest.param("tls", marks=(needs_openssl, needs_ossl))])
def test_rsyslog_understands_every_field(tmp_path: Path, transport: str) -> None:
    port = free_port()
    environment, load = {}, f'module(load="im{"udp" if transport == "udp" else "tcp"}")\n'
    if transport == "tls":
        ours = Authority(tmp_path / "ours")
        certificate, key = ours.issue("rsyslog")
        environment = {"MORPHEUS_GAE_OUTPUT_CA_FILE": str(ours.certificate)}
        load = (
            f'global(defaultNetstreamDriverCAFile="{ours.certificate}" '
            f'defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}")\n'
            'module(load="imtcp" streamdriver.name="ossl" streamdriver.mode="1" '
            'streamdriver.authmode="anon")\n'
        )
    written = tmp_path / "written"
    fields = ["pri", "hostname", "app-name", "msgid", "timereported:::date-rfc3339", "msg:::json"]
    template = "\\t".join(f"%{field}%" for field in fields)
    config = tmp_path / "rsyslog.conf"
    config.write_text(
        f'global(workDirectory="{tmp_path}" maxMessageSize="64k")\n{load}'
        f'input(type="im{"udp" if transport == "udp" else "tcp"}" address="127.0.0.1" port="{port}")\n'
        f'template(name="t" type="string" string="{template}\\n")\n'
        f'action(type="omfile" file="{written}" template="t")\n'
    )
    pid = tmp_path / "pid"
    daemon = subprocess.Popen(
        ["rsyslogd", "-n", "-f", str(config), "-i", str(pid)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        pause = threading.Event()
        for _ in range(3000):
            if pid.exists() and (transport == "udp" or _listens(port)):
                break
            assert daemon.poll() is None, daemon.communicate()[0]
            pause.wait(0.02)
        out = opened(f"syslog+{transport}://127.0.0.1:{port}", environment=environment)
        sent(out)
        out.close()
        for _ in range(3000):
            if written.exists() and len(written.read_text().splitlines()) == 3:
                break
            pause.wait(0.02)
    finally:
        daemon.terminate()
        said = daemon.communicate(timeout=30)[0]
    rows = [line.split("\t") for line in written.read_text().splitlines()] if written.exists() else [said]
    assert [row[0] for row in rows] == [str(16 * 8 + grade) for grade in (4, 3, 5)], said
    assert rows[0][1:5] == [
        re.sub(r"[^!-~]", "", socket.gethostname()),
        "morpheus-gae",
        "alert",
        "2025-03-10T08:00:00.231Z",
    ]
    body = json.loads(json.loads(f'"{rows[0][5]}"'))
    assert (body["IPV4_SRC_ADDR"], body["note"]) == ("192.0.2.1", 'say "hi"')


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
