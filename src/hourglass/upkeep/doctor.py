"""``hourglass doctor``: look for what keeps a project from working, and mend what is safe to mend."""

from collections.abc import Callable

from hourglass.project import Project
from hourglass.report import terminal
from hourglass.upkeep.checks import checkout, machine, schedules, store
from hourglass.upkeep.finding import Finding, told

Check = Callable[[Project], Finding | None]

_CHECKS: tuple[Check, ...] = (
    machine.versions,
    machine.gpu,
    machine.disk,
    checkout.settings,
    checkout.dvc,
    checkout.dvc_lock,
    checkout.repository,
    checkout.snapshot,
    checkout.leftovers,
    store.reachable,
    store.schema,
    store.place,
    store.runs,
    schedules.server,
    schedules.limits,
    schedules.deployment,
    schedules.firing,
    schedules.runs,
)


def examine(project: Project, *, fix: bool = False) -> list[Finding]:
    """Run all checks.

    Parameters
    ----------
    project : Project
    fix : bool
        Whether to mend what is safe; what was done is printed to standard error, and the check repeated.

    Returns
    -------
    list of Finding
        One for each check that applies. A check that fails itself gives one, too.
    """
    findings = []
    for check in _CHECKS:
        finding = _tried(check, project)
        if fix and finding is not None and finding.mend is not None:
            terminal.note(f"{finding.name}: {_mended(finding.mend)}")
            finding = _tried(check, project)
        findings.append(finding)
    return [finding for finding in findings if finding is not None]


def _tried(check: Check, project: Project) -> Finding | None:
    try:
        return check(project)
    except Exception as problem:  # a broken project is what this is for
        name = check.__name__.replace("_", " ")
        said = f"couldn't be checked: {told(problem)}"
        return Finding(name, "bad", said, "mend what the message names and run `hourglass doctor` again")


def _mended(mend: Callable[[], str]) -> str:
    try:
        return mend()
    except Exception as problem:  # the other checks shall be mended all the same
        return f"couldn't be mended: {told(problem)}"


def report(findings: list[Finding], *, as_json: bool) -> int:
    """Print what was found; give the exit status, 1 where something is bad."""
    sound = all(finding.state != "bad" for finding in findings)
    if as_json:
        terminal.show_json({"sound": sound, "findings": [finding.facts() for finding in findings]})
    else:
        rows = [(finding.state, finding.name, _said(finding)) for finding in findings]
        terminal.show(terminal.table("Doctor", ("", "what", "found"), rows))
    return 0 if sound else 1


def _said(finding: Finding) -> str:
    return f"{finding.sentence}\nTo do: {finding.fix}" if finding.fix else finding.sentence
