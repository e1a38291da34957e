"""The data files are whole, and one that is not is reported by name with a way out."""

import hashlib
import shutil

import pytest

from course_utils.data import DataFileError, storage, verify
from course_utils.data.storage import read_checksums, read_file


@pytest.fixture
def folder(tmp_path):
    """A copy of the data folder that a test may damage."""
    return shutil.copytree(storage.FOLDER, tmp_path / "files")


def test_shipped_files_are_whole():
    assert verify() == []


def test_every_shipped_file_has_a_checksum_and_the_other_way_round():
    on_disk = {path.name for path in storage.FOLDER.iterdir() if path.name != storage.CHECKSUMS}
    assert on_disk == set(read_checksums())


def test_checksums_are_what_sha256sum_would_print():
    for name, digest in read_checksums().items():
        assert hashlib.sha256((storage.FOLDER / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("name", ["penguins.csv", "penguins_raw.csv", "shakespeare.txt.gz"])
def test_missing_file(folder, name):
    (folder / name).unlink()
    with pytest.raises(DataFileError, match=f"{name} is missing .* Restore it with"):
        read_file(name, folder)
    (problem,) = verify(folder)
    assert name in problem


@pytest.mark.parametrize("name", ["penguins.csv", "penguins_raw.csv", "shakespeare.txt.gz"])
def test_truncated_file(folder, name):
    path = folder / name
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DataFileError, match=f"{name} .* is damaged or was changed"):
        read_file(name, folder)
    assert len(verify(folder)) == 1


def test_altered_file(folder):
    path = folder / "penguins.csv"
    path.write_bytes(path.read_bytes().replace(b"39.1", b"93.1", 1))
    with pytest.raises(DataFileError, match="damaged or was changed"):
        read_file("penguins.csv", folder)


def test_line_ends_of_another_system_count_as_altered(folder):
    path = folder / "penguins.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert "penguins.csv" in verify(folder)[0]


def test_unreadable_file(folder):
    (folder / "penguins.csv").unlink()
    (folder / "penguins.csv").mkdir()
    with pytest.raises(DataFileError, match=r"penguins\.csv .* cannot be read"):
        read_file("penguins.csv", folder)


def test_all_problems_are_listed(folder):
    (folder / "penguins.csv").unlink()
    (folder / "shakespeare.txt.gz").write_bytes(b"")
    assert [problem.split()[3] for problem in verify(folder)] == ["penguins.csv", "shakespeare.txt.gz"]


def test_missing_checksums(folder):
    (folder / storage.CHECKSUMS).unlink()
    (problem,) = verify(folder)
    assert "checksums.txt, is missing" in problem


def test_damaged_checksums(folder):
    (folder / storage.CHECKSUMS).write_text("not a checksum\n")
    (problem,) = verify(folder)
    assert "'not a checksum' should be" in problem


def test_unknown_file_names_the_known_ones():
    with pytest.raises(DataFileError, match=r"no data file named 'iris\.csv'.*penguins\.csv"):
        read_file("iris.csv")
