"""What came of trials is kept, whole or not at all."""

import csv
from dataclasses import replace
from pathlib import Path

from hourglass.project import Project
from hourglass.sweep.records import TABLE, TRIALS, About, Records, Trial, best, folder_of, latest, table

ABOUT = About("vae", "monitor", False, {"vae.latent": [2, 4]}, "d1", {"params": {}})
DONE = Trial(0, {"vae.latent": 2, "vae.hidden": [4, 2]}, "complete", 0.1 + 0.2, [0.5, 0.1 + 0.2])
FAILED = Trial(1, {"vae.latent": 4, "vae.hidden": None}, "failed", problem='training diverged, "kl"')
#: Ends a line, for Python.
SEPARATOR = "\u2028"


def begun(folder: Path) -> Records:
    records = Records(folder)
    records.begin(ABOUT)
    return records


def test_trials_come_back_as_they_were_added(tmp_path):
    records = begun(tmp_path / "sweep")
    for trial in (DONE, FAILED):
        records.add(trial)
    assert records.trials == [DONE, FAILED]
    assert begun(tmp_path / "sweep").trials == [DONE, FAILED]
    assert records.about == ABOUT


def test_a_problem_of_several_lines_is_one_line_of_the_record(tmp_path):
    records, odd = begun(tmp_path / "sweep"), replace(FAILED, problem=f"first{SEPARATOR}second")
    records.add(odd)
    assert begun(records.folder).trials == [odd]


def test_what_a_killed_process_did_not_come_to_is_done_on_beginning(tmp_path):
    records = begun(tmp_path / "sweep")
    records.add(DONE)
    (records.folder / TABLE).unlink()
    records.work(DONE.number).mkdir()
    records.work(FAILED.number).mkdir()
    begun(records.folder)
    assert (records.folder / TABLE).read_text() == table([DONE])
    assert not records.work(DONE.number).exists()
    assert records.work(FAILED.number).exists()


def test_a_line_that_was_cut_off_is_dropped_and_written_over(tmp_path):
    records = begun(tmp_path / "sweep")
    records.add(DONE)
    with (records.folder / TRIALS).open("a") as lines:
        lines.write('{"number": 1, "sett')
    assert records.trials == [DONE]
    begun(tmp_path / "sweep").add(FAILED)
    assert records.trials == [DONE, FAILED]


def test_the_table_has_a_row_a_trial_and_a_column_a_setting(tmp_path):
    records = begun(tmp_path / "sweep")
    records.add(DONE)
    records.add(FAILED)
    with (records.folder / TABLE).open() as lines:
        first, second = csv.DictReader(lines)
    assert float(first["value"]) == DONE.value
    assert (first["vae.hidden"], first["epochs"], first["problem"]) == ("[4, 2]", "2", "")
    assert (second["vae.hidden"], second["value"], second["problem"]) == ("null", "", FAILED.problem)
    assert table([]) == "trial,state,value,epochs,problem\n"


def test_the_best_is_the_first_of_equals_among_complete_trials():
    trials = [Trial(0, {}, "pruned"), Trial(1, {}, "complete", 2.0), Trial(2, {}, "complete", 1.0)]
    trials += [Trial(3, {}, "complete", 1.0), Trial(4, {}, "complete", 2.0)]
    assert best(trials, larger_is_better=False) is trials[2]
    assert best(trials, larger_is_better=True) is trials[1]
    assert best(trials[:1], larger_is_better=True) is None


def test_the_latest_sweep_is_of_the_variant_and_the_data(tmp_path):
    project = Project(tmp_path, tmp_path)
    assert latest(project, "vae", "d1") is None
    begun(folder_of(project) / "vae-0").add(DONE)
    newer = begun(folder_of(project) / "vae-1")
    assert latest(project, "vae", "d1") == Records(folder_of(project) / "vae-0")
    newer.add(FAILED)
    assert latest(project, "vae", "d1") == newer
    assert latest(project, "vae", "d2") is None
    assert latest(project, "autoencoder", "d1") is None
