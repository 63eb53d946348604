"""Inputs: folders, patterns and links as lists of files; what is no data is left out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from morpheus_gae.errors import InputError
from morpheus_gae.flows.files.inputs import expand, folders, total_bytes, would_be_read

FILES = (
    *("b.csv", "a/2.csv", "a/1.csv", "a/b/x.ndjson", "A/z.csv", "dt=1/_c=2/p.parquet"),
    *("_SUCCESS", ".hidden.csv", "_temporary/0/part.parquet", "a/.1.csv.crc", "a/1.csv.crc", "a/_metadata"),
    *(".git/x.csv", "a/3.csv._COPYING_"),
)
DATA = ["A/z.csv", "a/1.csv", "a/2.csv", "a/b/x.ndjson", "b.csv", "dt=1/_c=2/p.parquet"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("1234")
    return root


def names(found: list[str], root: Path) -> list[str]:
    return [os.path.relpath(path, root) for path in found]


@pytest.mark.parametrize("end", ["", "/", "//", "/."])
def test_a_folder_is_its_data_files_in_order_of_name(folder: Path, end: str) -> None:
    assert names(expand(f"{folder}{end}"), folder) == DATA
    assert total_bytes([f"{folder}{end}"]) == 4 * len(DATA)


def test_a_relative_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert names(expand("."), folder) == DATA
    assert expand("a/b") == ["a/b/x.ndjson"]


@pytest.mark.parametrize(
    ("pattern", "want"),
    [
        ("a", DATA[1:4]),
        ("a*", DATA[1:4]),
        ("*", ["A/z.csv", "_SUCCESS", "_temporary/0/part.parquet", *DATA[1:]]),
        # a folder and what is in it: once, and without what the folder's own look leaves out
        ("**", DATA),
        ("a/**", DATA[1:4]),
        ("**/*.csv", ["A/z.csv", "a/1.csv", "a/2.csv", "b.csv"]),
        ("dt=*", DATA[5:]),
    ],
)
def test_patterns_may_match_folders(folder: Path, pattern: str, want: list[str]) -> None:
    assert names(expand(str(folder / pattern)), folder) == want


def test_a_file_is_read_as_often_as_it_is_given(folder: Path) -> None:
    path = str(folder / "b.csv")
    assert expand([path, path, "-"]) == [path, path, "-"]
    # and one that is named is read whatever its name
    assert expand(str(folder / ".hidden.csv")) == [str(folder / ".hidden.csv")]


def test_links_that_go_round_end(folder: Path) -> None:
    (folder / "a" / "up").symlink_to(folder, target_is_directory=True)
    (folder / "a" / "b" / "same").symlink_to(folder / "a", target_is_directory=True)
    other = folder.parent / "other"
    other.mkdir()
    (other / "back").symlink_to(folder, target_is_directory=True)
    (other / "o.csv").write_text("12")
    (folder / "c").symlink_to(other, target_is_directory=True)
    found = names(expand(str(folder)), folder)
    assert found == [*DATA[:5], "c/o.csv", DATA[5]]
    assert len(expand(str(folder / "c"))) == 1 + len(DATA)


def test_what_is_no_file_is_left_out_and_a_link_to_nothing_is_told(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert names(expand(str(folder)), folder) == DATA
    (folder / "gone.csv").symlink_to(folder / "nowhere")
    assert "gone.csv" in names(expand(str(folder)), folder)


@pytest.mark.parametrize("made", [(), ("_SUCCESS", ".part.crc"), ("_delta/x.csv",), ("inner/_SUCCESS",)])
def test_a_folder_without_data_is_one_clear_line(tmp_path: Path, made: tuple[str, ...]) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for name in made:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("")
    with pytest.raises(
        InputError, match=r"root: no data file in that folder \(names that begin with _ or \."
    ):
        expand(str(root))


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("_delta_log/00000.json", "Delta Lake"),
        (".hoodie/hoodie.properties", "Hudi"),
        ("metadata/v1.metadata.json", "Iceberg"),
        ("metadata/version-hint.text", "Iceberg"),
        ("inner/metadata/00001-x.metadata.json", "Iceberg"),
    ],
)
def test_tables_with_a_log_are_refused(folder: Path, log: str, told: str) -> None:
    (folder / log).parent.mkdir(parents=True)
    (folder / log).write_text("{}")
    with pytest.raises(InputError, match=f"is a table of {told}.*or name the files, such as") as error:
        expand(str(folder))
    assert "\n" not in str(error.value)
    # as it says, the files can be named
    assert names(expand(str(folder / "a" / "*.csv")), folder) == ["a/1.csv", "a/2.csv"]


def test_a_folder_that_is_called_metadata_is_one_like_others(folder: Path) -> None:
    (folder / "metadata").mkdir()
    (folder / "metadata" / "m.csv").write_text("")
    assert "metadata/m.csv" in names(expand(str(folder)), folder)


def test_what_cannot_be_listed_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", fail)
    with pytest.raises(InputError, match="root cannot be read: Permission denied"):
        expand(str(folder))


def test_which_files_lie_in_a_folder(folder: Path) -> None:
    assert folders([str(folder), str(folder / "b.csv"), "-", str(folder / "a*")]) == [
        str(folder),
        str(folder / "a"),
    ]
    for name, want in {
        "new.jsonl": True,
        "a/new": True,
        "_out/new": False,
        ".new": False,
        "../new": False,
    }.items():
        assert would_be_read(str(folder / name), str(folder)) is want
