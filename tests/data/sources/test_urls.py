"""What lies elsewhere is fetched as it is, and no secret of its URL is ever shown."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pandas as pd
import pytest

from hourglass.data import making, proposal, snapshot
from hourglass.data.params import DataParams
from hourglass.data.sources import urls
from hourglass.errors import HourglassError

FRAME = pd.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"]})


def held(url: str, folder: Path) -> pd.DataFrame:
    making.build(url, folder / "data", DataParams())
    rows: pd.DataFrame = snapshot.read(folder / "data").rows
    return rows


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "www").mkdir()
    FRAME.to_csv(tmp_path / "www" / "a table.csv", index=False)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "www"))) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def test_a_file_in_memory_is_fetched(memory: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    memory.pipe("/bucket/table.csv", FRAME.to_csv(index=False).encode())
    pd.testing.assert_frame_equal(held("memory://bucket/table.csv", tmp_path), FRAME)
    assert (tmp_path / "data" / "table" / "table.csv").read_bytes() == FRAME.to_csv(index=False).encode()


def test_a_folder_in_memory_is_fetched_with_its_partitions(memory: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    for year in ("2023", "2024"):
        memory.pipe(f"/bucket/sales/year={year}/1.csv", b"a,b\n1,2\n")
    assert held("memory://bucket/sales/", tmp_path)["year"].tolist() == ["2023", "2024"]


def test_a_local_url_is_a_path(tmp_path: Path) -> None:
    FRAME.to_parquet(tmp_path / "table.parquet")
    pd.testing.assert_frame_equal(held((tmp_path / "table.parquet").as_uri(), tmp_path), FRAME)


def test_a_file_on_a_web_server_is_fetched(server: str, tmp_path: Path) -> None:
    pd.testing.assert_frame_equal(held(f"{server}/a%20table.csv?token=secret", tmp_path), FRAME)
    assert (tmp_path / "data" / "a_table").is_dir()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("memory://absent.csv", "memory://absent.csv doesn't exist or can't be reached; check the URL."),
        ("nosuch://a.csv", "nosuch://a.csv can't be opened: Protocol not known: nosuch"),
        (
            "http://127.0.0.1:9/a.csv?key=secret",
            "http://127.0.0.1:9/a.csv doesn't exist or can't be reached; check the URL.",
        ),
    ],
)
def test_what_cannot_be_fetched_is_named_without_its_secrets(tmp_path: Path, url: str, sentence: str) -> None:
    with pytest.raises(HourglassError) as refused:
        held(url, tmp_path)
    assert str(refused.value).startswith(sentence)
    assert "secret" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_mistake_in_what_was_fetched_names_the_url(memory: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    memory.pipe("/bucket/table.csv", b"a,b\n1\n")
    with pytest.raises(HourglassError, match=r"^memory://bucket/table.csv, row 0: 1 cells; expected 2"):
        held("memory://bucket/table.csv", tmp_path)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("s3://bucket/a/table.csv.gz", "table.csv.gz"),
        ("https://user:pass@host/a%20b.csv?sig=1#x", "a b.csv"),
        ("https://user:pass@host/", "host"),
        ("memory://bucket/sales/", "sales"),
    ],
)
def test_a_url_is_named_by_the_last_part_of_its_path(url: str, name: str) -> None:
    assert urls.name_of(url) == name
    assert proposal.proposed_params(url).source == name


@pytest.mark.parametrize("source", ["digits", "a/b.csv", "C:\\a.csv", "C:/a.csv"])
def test_paths_and_names_are_no_urls(source: str) -> None:
    assert not urls.is_url(source)


def test_names_that_lead_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HourglassError, match=r"the name '\.\./a\.csv' leads out of its folder"):
        urls._below(tmp_path / "data", "../a.csv")
