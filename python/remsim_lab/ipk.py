# SPDX-License-Identifier: GPL-2.0-or-later
"""Packs what the Makefile laid out into .ipk files, without OpenWrt's SDK. The same input gives the
same bytes.

    python -m remsim_lab.ipk STAGE DEST PACKAGE...

STAGE/<package>/ is the package's file tree; STAGE/<package>.control/ has `fields`, `description`
and, where the package has them, conffiles, postinst, prerm, postrm. Standard library only: a fresh
machine can run it. Source of the format: include/package-pack.mk and scripts/ipkg-build of OpenWrt
24.10.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# The order in which OpenWrt writes them; Depends, Description and sizes are made here.
FIELD_ORDER = ("Version", "Depends", "License", "LicenseFiles", "Section", "SourceName")
LAST_FIELDS = ("Maintainer", "Architecture")

# Every package depends on it, as in OpenWrt (PKG_DEFAULT_DEPENDS).
ALWAYS = "libc"

POSTINST = """\
#!/bin/sh
[ "${IPKG_NO_SCRIPT}" = "1" ] && exit 0
[ -s ${IPKG_INSTROOT}/lib/functions.sh ] || exit 0
. ${IPKG_INSTROOT}/lib/functions.sh
default_postinst $0 $@
"""
PRERM = """\
#!/bin/sh
[ -s ${IPKG_INSTROOT}/lib/functions.sh ] || exit 0
. ${IPKG_INSTROOT}/lib/functions.sh
default_prerm $0 $@
"""


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of a tar archive; `content` None for a directory."""

    name: str
    mode: int
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Staged:
    """A package as the Makefile laid it out."""

    name: str
    stage: Path

    @property
    def tree(self) -> Path:
        return self.stage / self.name

    def part(self, name: str) -> str | None:
        """A definition of the package, or None where it has none."""
        path = self.stage / f"{self.name}.control" / name
        return path.read_text(encoding="utf-8") if path.exists() else None

    @property
    def fields(self) -> dict[str, str]:
        lines = (self.part("fields") or "").splitlines()
        pairs = (line.partition(":") for line in lines if line)
        return {name: value.strip() for name, _, value in pairs}


def build(staged: Staged, destination: Path, epoch: int) -> Path:
    """Write the package; its path. `epoch`: the date of everything in it, seconds since 1970."""
    data = archive(list(_tree(staged.tree)), epoch)
    members = [Member(".", 0o755), *_control_members(staged, len(data))]
    outer = archive(
        [
            Member("./debian-binary", 0o644, b"2.0\n"),
            Member("./data.tar.gz", 0o644, _compressed(data)),
            Member("./control.tar.gz", 0o644, _compressed(archive(members, epoch))),
        ],
        epoch,
    )
    fields = staged.fields
    path = destination / f"{staged.name}_{fields['Version']}_{fields['Architecture']}.ipk"
    path.write_bytes(_compressed(outer))
    return path


def control_text(staged: Staged, installed_bytes: int) -> str:
    """The control file, as OpenWrt's build writes it."""
    fields = staged.fields
    fields["Depends"] = ", ".join([ALWAYS, *dependencies(fields["Depends"])])
    ordered = [f"Package: {staged.name}"]
    ordered += [f"{name}: {fields[name]}" for name in (*FIELD_ORDER, *LAST_FIELDS)]
    ordered.append(f"Installed-Size: {installed_bytes}")
    described = (staged.part("description") or fields["Title"]).strip("\n").splitlines()
    return (
        "\n".join([*ordered, "Description: " + "\n".join(f" {d.strip()}" for d in described)])
        + "\n"
    )


def dependencies(words: str) -> list[str]:
    """`+a +b` of a Makefile as names. Conditional ones (`+X:a`) need a build system; we have
    none."""
    names = [word.removeprefix("+") for word in words.split()]
    if any(":" in name or name.startswith("@") for name in names):
        raise ValueError(f"conditional dependency in {words!r}")
    return names


def archive(members: list[Member], epoch: int) -> bytes:
    """An uncompressed tar of root's files, all with one date."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for member in members:
            entry = tarfile.TarInfo(member.name)
            entry.mode, entry.mtime = member.mode, epoch
            entry.uname = entry.gname = "root"
            if member.content is None:
                entry.type = tarfile.DIRTYPE
            else:
                entry.size = len(member.content)
            tar.addfile(entry, io.BytesIO(member.content or b""))
    return target.getvalue()


def _tree(root: Path) -> Iterator[Member]:
    """Everything below `root`, sorted, modes as staged. Links are not shipped."""
    yield Member(".", 0o755)
    for path in sorted(root.rglob("*")):
        name = f"./{path.relative_to(root).as_posix()}"
        mode = stat.S_IMODE(path.stat().st_mode)
        if path.is_symlink():
            raise ValueError(f"{name} is a link")
        yield Member(name, mode, None if path.is_dir() else path.read_bytes())


def _control_members(staged: Staged, installed_bytes: int) -> Iterator[Member]:
    texts = {
        "control": (control_text(staged, installed_bytes), 0o644),
        "postinst": (POSTINST, 0o755),
        "prerm": (PRERM, 0o755),
    }
    for part, name in (("postinst", "postinst-pkg"), ("prerm", "prerm-pkg"), ("postrm", "postrm")):
        if (text := staged.part(part)) is not None:
            texts[name] = (text, 0o755)
    if (conffiles := staged.part("conffiles")) is not None:
        texts["conffiles"] = ("\n".join(sorted(conffiles.split())) + "\n", 0o644)
    for name in sorted(texts):
        text, mode = texts[name]
        yield Member(f"./{name}", mode, text.encode())


def _compressed(data: bytes) -> bytes:
    return gzip.compress(data, compresslevel=9, mtime=0)


def main(arguments: list[str]) -> int:
    stage, destination = Path(arguments[0]), Path(arguments[1])
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    destination.mkdir(parents=True, exist_ok=True)
    for old in destination.glob("*.ipk"):
        old.unlink()
    for name in arguments[2:]:
        path = build(Staged(name, stage), destination, epoch)
        print(f"{path}  {path.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
