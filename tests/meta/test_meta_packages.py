# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages: same bytes from the same source, right control files, run from an empty root."""

from __future__ import annotations

import ast
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from source_tree import PROJECT, depends, make_variable

from remsim import __version__
from remsim_lab.ipk import dependencies
from remsim_lab.slim import slimmed

TRANSLATION = "luci-i18n-remsim-"

# Design section 13: own packages, compressed. A router has one language.
FLASH_BUDGET_BYTES = 300 * 1024
EPOCH = "1700000000"

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def build(destination: Path, umask: int = 0o022, zone: str = "UTC") -> dict[str, Path]:
    """`make ipk` into a directory of our own: package name: file."""
    subprocess.run(
        ["make", "-s", "ipk", f"STAGE={destination}/stage", f"DIST={destination}/dist"],
        cwd=PROJECT,
        env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH, "TZ": zone, "PYTHON": sys.executable},
        check=True,
        capture_output=True,
        umask=umask,
    )
    return {path.name.split("_")[0]: path for path in (destination / "dist").glob("*.ipk")}


def unpacked(path: Path, part: str) -> tarfile.TarFile:
    """control.tar.gz or data.tar.gz of a package."""
    with tarfile.open(path) as outer:
        inner = outer.extractfile(f"./{part}")
        assert inner is not None
        return tarfile.open(fileobj=io.BytesIO(inner.read()))


def control(path: Path, name: str) -> str:
    with unpacked(path, "control.tar.gz") as tar:
        file = tar.extractfile(f"./{name}")
        assert file is not None
        return file.read().decode()


def fields(path: Path) -> dict[str, str]:
    pairs = (line.split(": ", 1) for line in control(path, "control").splitlines() if ": " in line)
    return {name: value for name, value in pairs if not name.startswith(" ")}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return build(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def root(packages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty root into which every package was unpacked."""
    root = tmp_path_factory.mktemp("root")
    for path in packages.values():
        with tarfile.open(path) as outer:
            data = outer.extractfile("./data.tar.gz")
            assert data is not None
            subprocess.run(["tar", "-xzpC", str(root)], input=data.read(), check=True)
    return root


def test_the_same_source_gives_the_same_bytes(packages: dict[str, Path], tmp_path: Path) -> None:
    again = build(tmp_path, umask=0o077, zone="Asia/Kathmandu")
    for name, path in packages.items():
        digests = {hashlib.sha256(p.read_bytes()).hexdigest() for p in (path, again[name])}
        assert len(digests) == 1, name


def test_the_three_packages_are_there_and_fit_the_flash_budget(packages: dict[str, Path]) -> None:
    assert {"remsim", "remsim-client", "luci-app-remsim"} <= packages.keys()
    sizes = {name: path.stat().st_size for name, path in packages.items()}
    languages = [size for name, size in sizes.items() if name.startswith(TRANSLATION)]
    assert sum(sizes.values()) - sum(languages) + max(languages) <= FLASH_BUDGET_BYTES


def test_the_outer_archive_is_what_opkg_wants(packages: dict[str, Path]) -> None:
    for path in packages.values():
        assert path.read_bytes()[:2] == b"\x1f\x8b"
        with tarfile.open(path) as outer:
            assert outer.getnames() == ["./debian-binary", "./data.tar.gz", "./control.tar.gz"]
            marker = outer.extractfile("./debian-binary")
            assert marker is not None
            assert marker.read() == b"2.0\n"


def test_everything_belongs_to_root_and_nothing_is_writable_by_others(
    packages: dict[str, Path],
) -> None:
    for path in packages.values():
        with unpacked(path, "data.tar.gz") as tar:
            for member in tar:
                assert (member.uid, member.gid, member.mtime) == (0, 0, int(EPOCH)), member.name
                assert member.mode & 0o022 == 0, member.name
                assert member.isdir() or member.isreg(), member.name


def test_control_fields_say_what_the_makefile_says(packages: dict[str, Path]) -> None:
    for name, path in packages.items():
        said = fields(path)
        assert said["Package"] == name
        assert said["Version"] == f"{__version__}-r{make_variable('$(PKG_RELEASE)')}"
        assert said["Architecture"] == "all"
        assert said["License"] == "GPL-2.0-or-later"
        assert set(said["Depends"].split(", ")) == depends(name) | {"libc"}
        assert int(said["Installed-Size"]) > 0
        assert control(path, "control").endswith("\n")


def test_the_packages_build_on_each_other(packages: dict[str, Path]) -> None:
    assert "remsim" in fields(packages["remsim-client"])["Depends"].split(", ")
    assert "remsim" in fields(packages["luci-app-remsim"])["Depends"].split(", ")
    assert "remsim-client" not in fields(packages["remsim"])["Depends"]


def test_a_conditional_dependency_is_refused_rather_than_misread() -> None:
    assert dependencies("+a +b") == ["a", "b"]
    with pytest.raises(ValueError, match="conditional"):
        dependencies("+IPV6:a")


def test_install_and_removal_go_through_openwrts_own_functions(packages: dict[str, Path]) -> None:
    for path in packages.values():
        assert "default_postinst $0 $@" in control(path, "postinst")
        assert "default_prerm $0 $@" in control(path, "prerm")
    assert "rpcd reload" in control(packages["luci-app-remsim"], "postinst-pkg")


def test_the_keeper_of_the_lines_ends_with_the_package_and_not_with_an_upgrade(
    packages: dict[str, Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "gpio.pid").write_text("4711\n")
    calls = tmp_path / "calls"
    script = control(packages["remsim"], "postrm").replace("/var/run/remsim", str(run))
    script = script.replace("#!/bin/sh\n", f'#!/bin/sh\nkill() {{ echo "$@" >>{calls}; }}\n')
    for upgrade in ("1", "0"):
        environment = {"PATH": os.environ["PATH"], "PKG_UPGRADE": upgrade}
        subprocess.run(["sh", "-c", script], env=environment, check=True)
        assert calls.exists() == (upgrade == "0")
    assert calls.read_text() == "4711\n"
    assert not run.exists()


def test_the_configuration_is_a_conffile_for_roots_eyes(packages: dict[str, Path]) -> None:
    assert control(packages["remsim"], "conffiles") == "/etc/config/remsim\n"
    with unpacked(packages["remsim"], "data.tar.gz") as tar:
        assert tar.getmember("./etc/config/remsim").mode == 0o600


def test_no_two_packages_ship_the_same_file(packages: dict[str, Path]) -> None:
    owners: dict[str, str] = {}
    for name, path in packages.items():
        with unpacked(path, "data.tar.gz") as tar:
            for member in tar:
                if member.isreg():
                    assert member.name not in owners, (member.name, name, owners[member.name])
                    owners[member.name] = name


def test_all_router_files_are_in_a_package(root: Path) -> None:
    shipped = {path.relative_to(root) for path in root.rglob("*") if path.is_file()}
    files = PROJECT / "files"
    missing = {path.relative_to(files) for path in files.rglob("*") if path.is_file()} - shipped
    assert missing == set()


def test_the_lab_and_the_tests_stay_at_home(root: Path) -> None:
    library = root / "usr/lib/remsim"
    assert {entry.name for entry in library.iterdir() if entry.is_dir()} == {"remsim"}
    assert not list(root.rglob("remsim_lab*"))
    assert not list(root.rglob("*.pyc"))
    assert not (library / "remsim/config/generate.py").exists()


def test_scripts_are_executable_and_hotplug_parts_are_not(root: Path) -> None:
    for name in ("usr/bin/remsim", "usr/sbin/remsimd", "usr/sbin/remsim-client"):
        assert (root / name).stat().st_mode & 0o777 == 0o755
    for name in ("etc/init.d/remsim", "etc/init.d/remsim-client", "usr/lib/remsim/event-script"):
        assert (root / name).stat().st_mode & 0o777 == 0o755
    for path in (root / "etc/hotplug.d").rglob("30-remsim"):
        assert path.stat().st_mode & 0o111 == 0


def test_the_build_names_version_and_date(root: Path) -> None:
    version, epoch = (root / "usr/lib/remsim/build").read_text().split()
    assert version.startswith(f"{__version__}-r")
    assert epoch == EPOCH


def run_from(root: Path, program: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess:
    interpreter = cwd / "bin"
    interpreter.mkdir(exist_ok=True)
    if not (interpreter / "python3").exists():
        (interpreter / "python3").symlink_to(sys.executable)
    return subprocess.run(
        [str(root / program), *arguments],
        env={
            "PATH": f"{interpreter}:{os.environ['PATH']}",
            "PYTHONPYCACHEPREFIX": str(cwd / "cache"),
        },
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_runs_from_an_empty_root(root: Path, tmp_path: Path) -> None:
    done = run_from(root, "usr/bin/remsim", "--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"remsim {__version__}\n")
    done = run_from(root, "usr/bin/remsim", "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "status" in done.stdout


def test_a_launcher_finds_its_library_through_a_link(root: Path, tmp_path: Path) -> None:
    link = tmp_path / "remsim"
    link.symlink_to(root / "usr/bin/remsim")
    assert run_from(Path("/"), str(link)[1:], "--version", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("program", ["usr/sbin/remsimd", "usr/sbin/remsim-client"])
def test_the_services_start_far_enough_to_explain_themselves(
    root: Path, tmp_path: Path, program: str
) -> None:
    assert run_from(root, program, "--help", cwd=tmp_path).returncode == 0


def test_the_working_directory_cannot_slip_a_module_in(root: Path, tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('slipped in')\n")
    (tmp_path / "argparse.py").write_text("raise SystemExit('slipped in')\n")
    assert run_from(root, "usr/bin/remsim", "--version", cwd=tmp_path).returncode == 0


def test_bytecode_stays_out_of_the_root(root: Path, tmp_path: Path) -> None:
    run_from(root, "usr/bin/remsim", "--help", cwd=tmp_path)
    assert not list(root.rglob("__pycache__"))
    assert list((tmp_path / "cache").rglob("*.pyc"))


def without_docstrings(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(node, DOCUMENTED):
            first = body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                first.value.value = ""
    return ast.dump(tree, include_attributes=False)


def test_the_shipped_code_is_the_repositorys_on_the_same_lines(root: Path) -> None:
    library = root / "usr/lib/remsim"
    modules = list((library / "remsim").rglob("*.py"))
    assert len(modules) > 50
    for path in modules:
        shipped = path.read_text(encoding="utf-8")
        own = (PROJECT / "python" / path.relative_to(library)).read_text(encoding="utf-8")
        assert without_docstrings(shipped) == without_docstrings(own), path
        assert shipped.count("\n") == own.count("\n")
        assert shipped.splitlines()[0] == own.splitlines()[0]


def test_slimming_leaves_strings_alone() -> None:
    source = '# licence\nA = "# text"  # one\nB = """\n# two\n"""\nclass C:\n    """Only this."""\n'
    slim = '# licence\nA = "# text"\nB = """\n# two\n"""\nclass C:\n    ""\n'
    assert slimmed(source) == slim
