"""What can be promised of the container files without a container engine."""

import fnmatch
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
COMPOSE_TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
COMPOSE = YAML(typ="safe").load(COMPOSE_TEXT)
GPU = YAML(typ="safe").load(ROOT / "compose.gpu.yaml")
SERVICES = COMPOSE["services"]
#: What this repository's own image serves.
OURS = [name for name, service in SERVICES.items() if "build" in service]

_VARIABLE = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?\}")
_EXACT = re.compile(r":\d+\.\d+(\.\d+)?(-[\w.]+)*$")
_SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY", re.IGNORECASE)


def instructions() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile and what they say, continued lines joined."""
    lines = [
        line for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    ]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in joined.splitlines() if line]


def said(instruction: str) -> list[str]:
    return [rest for name, rest in instructions() if name == instruction]


def copied() -> set[str]:
    """Paths of the build context that the image takes."""
    words = [rest.split() for rest in said("COPY") if "--from=" not in rest]
    return {word for line in words for word in line[:-1] if not word.startswith("--")}


def test_linter_has_nothing_to_say_about_the_dockerfile():
    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), "Dockerfile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("script", said("RUN"), ids=lambda script: script.split()[0])
def test_commands_of_the_dockerfile_are_shell(script):
    assert subprocess.run(["sh", "-n", "-c", script], check=False).returncode == 0


def test_build_context_holds_what_the_image_copies_and_nothing_else():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[1] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == copied()
    for path in copied():
        assert (ROOT / path).exists(), path
    for secret in (".env", ".git", ".dvc/config.local", "mlruns", "data"):
        assert not any(fnmatch.fnmatch(secret, pattern) for pattern in copied())


def test_every_installation_takes_the_versions_of_the_lock():
    installations = re.findall(r"pip install[^&]*", " ".join(said("RUN")))
    assert len(installations) == 2
    for command in installations:
        assert "--constraint requirements.lock" in command


def test_image_runs_as_a_user_without_rights_over_its_code():
    user = said("USER")[-1]
    assert int(user) > 0
    owned = [rest.split()[-1] for rest in said("COPY") if "--chown" in rest]
    assert all(path.startswith("/app/") for path in owned)
    assert "chown" not in " ".join(said("RUN")).replace(f"chown {user} /app /app/.dvc", "")


def test_image_holds_no_secret():
    assert not [rest for rest in said("ARG") + said("ENV") if _SECRET.search(rest)]


def test_labels_and_tags_say_the_projects_version():
    assert f'org.opencontainers.image.version="{PROJECT["version"]}"' in " ".join(said("LABEL"))
    assert {SERVICES[name]["image"] for name in OURS} == {f"hourglass:{PROJECT['version']}"}
    assert GPU["services"]["worker"]["image"] == f"hourglass:{PROJECT['version']}-cuda"


def test_every_image_of_others_has_an_exact_version():
    images = [rest.split()[0] for rest in said("FROM")] + [service["image"] for service in SERVICES.values()]
    assert all(_EXACT.search(image) for image in images), images


def test_everything_that_an_extra_installs_is_in_the_lock():
    locked = {
        line.partition("==")[0].lower()
        for line in (ROOT / "requirements.lock").read_text().splitlines()
        if "==" in line
    }
    for extra, names in PROJECT["optional-dependencies"].items():
        for name in names:
            package = Requirement(name).name
            assert package == PROJECT["name"] or package.lower() in locked, (extra, name)


def test_compose_files_follow_the_specification():
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [*checker, "compose.yaml", "compose.gpu.yaml"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_example_of_the_environment_names_every_variable_and_gives_no_secret():
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    used = {name for name, *_ in _VARIABLE.findall(COMPOSE_TEXT + (ROOT / "compose.gpu.yaml").read_text())}
    named = dict(re.findall(r"^#?([A-Z]\w+)=(.*)$", example, re.MULTILINE))
    assert set(named) == used
    assert not [name for name, value in named.items() if _SECRET.search(name) and value]
    assert "/.env" in (ROOT / ".gitignore").read_text().splitlines()


def test_pages_of_both_servers_work_under_the_names_of_a_proxy_as_the_example_gives_them():
    example = dict(
        re.findall(r"^#?([A-Z]\w+)=(.*)$", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
    )

    def given(name, variable):
        return _VARIABLE.sub(lambda found: example[found[1]], SERVICES[name]["environment"][variable])

    assert given("mlflow", "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS") == "https://mlflow.example.org"
    assert given("prefect", "PREFECT_SERVER_UI_API_URL") == "https://prefect.example.org/api"


def test_without_a_proxy_pages_work_on_this_machine_only():
    def given(name, variable):
        ((_, _, default),) = _VARIABLE.findall(SERVICES[name]["environment"][variable])
        return default

    assert given("mlflow", "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS") == ""
    assert given("prefect", "PREFECT_SERVER_UI_API_URL") == "http://localhost:4200/api"


def test_nothing_starts_without_its_secrets():
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if _SECRET.search(name) or name == "PGPASSWORD":
                (found,) = _VARIABLE.findall(value)
                assert found[1:] == ("?", "set it in .env"), name
    assert not re.search(r"://[^/\s]*:[^/\s]*@", COMPOSE_TEXT), "a URL with a password"


def test_who_depends_on_a_server_waits_until_it_is_healthy():
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}, name
            assert SERVICES[other]["healthcheck"]["test"][0] == "CMD", other


def test_ports_are_open_to_this_machine_only():
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports == ["127.0.0.1:5000:5000", "127.0.0.1:4200:4200"]


def test_database_and_storage_are_out_of_reach_of_others():
    def members(network):
        return {name for name, service in SERVICES.items() if network in service.get("networks", ("default",))}

    assert members("database") == {"postgres", "mlflow", "prefect"}
    assert members("storage") == {"s3", "mlflow", "worker"}
    assert members("default") == {"mlflow", "prefect", "worker"}
    assert all(COMPOSE["networks"][name]["internal"] for name in ("database", "storage"))


def test_every_service_starts_again_and_ours_get_no_new_rights():
    assert {service["restart"] for service in SERVICES.values()} == {"unless-stopped"}
    for name in OURS:
        assert SERVICES[name]["cap_drop"] == ["ALL"]
        assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]


def test_everything_that_must_last_lies_in_a_named_volume():
    mounted = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())}
    assert mounted - {"./deploy/databases.sql"} == set(COMPOSE["volumes"])
    assert (ROOT / "deploy" / "databases.sql").is_file()
