"""What the command line makes of problems."""

import errno
import os

import pytest

from hourglass import cli
from hourglass.errors import HourglassError


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR])
def test_a_disk_that_refuses_is_told_in_a_sentence_that_names_the_file(
    code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(code, os.strerror(code), "out/part-00000.parquet")

    monkeypatch.setattr(cli, "app", refuse)
    with pytest.raises(SystemExit, match="1"):
        cli.main()
    said = capsys.readouterr().err
    assert said.startswith(f"hourglass: [Errno {code}] {os.strerror(code)}: 'out/part-00000.parquet'; ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("problem", [FileNotFoundError(errno.ENOENT, "No such file", "x"), KeyError("x")])
def test_what_may_be_a_defect_of_ours_is_not_put_in_a_sentence(
    problem: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise problem

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(type(problem)):
        cli.main()


def test_a_mistake_of_the_user_is_its_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(**_: object) -> None:
        raise HourglassError("digits.csv holds no rows.")

    monkeypatch.setattr(cli, "app", refuse)
    with pytest.raises(SystemExit, match="1"):
        cli.main()
    assert capsys.readouterr().err == "hourglass: digits.csv holds no rows.\n"
