"""What the suites and the oracle are made of: Java archives from Maven Central, kept outside the project.

Folder: `NABE_CONFORMANCE_CACHE`, else `~/.cache/nabe/conformance`. FROST's own archives (server and tests) come from Maven
Central when it has the version `NABE_FROST_VERSION`; else name a folder that holds them in `NABE_FROST_JARS`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path

JAVA = Path(__file__).parent / "java"
FROST_GROUP = "de.fraunhofer.iosb.ilt.FROST-Server"
FROST_VERSION = os.environ.get("NABE_FROST_VERSION", "2.5.2")
#: Apache-2.0; run as a program of its own.
ETS = "org.opengis.cite:ets-sta10:1.5:jar:aio"
#: Apache-2.0; reads numbers as text where the suite's own reader refuses (see docs/conformance.md).
ANDROID_JSON = "com.vaadin.external.google:android-json:0.0.20131108.vaadin1"
#: Tomcat: Apache-2.0; PostgreSQL's driver: BSD-2; its PostGIS types: LGPL, used as a library of FROST only.
SERVER = (
    "org.apache.tomcat.embed:tomcat-embed-core:10.1.34",
    "org.postgresql:postgresql:42.7.4",
    "net.postgis:postgis-jdbc:2.5.1",
)
#: FROST's client (LGPL) and JUnit (EPL-2.0), which FROST's tests are written with.
TESTS = (
    "de.fraunhofer.iosb.ilt:FROST-Client-Dynamic:2.17",
    "org.junit.platform:junit-platform-console-standalone:1.11.0",
)


class NotToBeHad(RuntimeError):
    """Java, Maven or an archive is missing; says which and how to get it."""


def cache() -> Path:
    """The folder that keeps what was fetched or compiled."""
    named = os.environ.get("NABE_CONFORMANCE_CACHE")
    folder = Path(named) if named else Path.home() / ".cache" / "nabe" / "conformance"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def tool(name: str) -> str:
    """The path of `java`, `javac` or `mvn`."""
    if found := shutil.which(name):
        return found
    raise NotToBeHad(f"{name} is not installed (Debian: apt install openjdk-17-jdk-headless maven).")


def one(artefact: str) -> Path:
    """One archive, without what it needs: group:name:version[:type[:classifier]]."""
    _, name, version, *rest = artefact.split(":")
    kind, *classifier = rest or ["jar"]
    path = cache() / f"{'-'.join([name, version, *classifier])}.{kind}"
    if not path.exists():
        _maven("dependency:copy", f"-Dartifact={artefact}", f"-DoutputDirectory={cache()}", cwd=cache())
    return path


def with_dependencies(artefacts: Sequence[str]) -> Path:
    """A folder with these archives and all that they need."""
    folder = cache() / ("set-" + hashlib.sha256("\n".join(artefacts).encode()).hexdigest()[:12])
    if not (folder / "complete").exists():
        folder.mkdir(exist_ok=True)
        entries = "".join(_dependency(artefact) for artefact in artefacts)
        (folder / "pom.xml").write_text(
            "<project><modelVersion>4.0.0</modelVersion><groupId>nabe</groupId><artifactId>conformance</artifactId>"
            f"<version>1</version><dependencies>{entries}</dependencies></project>",
            "utf-8",
        )
        _maven("dependency:copy-dependencies", "-DoutputDirectory=.", cwd=folder)
        (folder / "complete").touch()
    return folder


def frost_war() -> Path:
    """FROST's server, HTTP and MQTT in one web application, unpacked."""
    war = _frosts_own("FROST-Server.MQTTP*.war") or one(f"{FROST_GROUP}:FROST-Server.MQTTP:{FROST_VERSION}:war")
    folder = cache() / f"{war.stem}-{war.stat().st_size}"
    if not (folder / "WEB-INF" / "web.xml").exists():
        with zipfile.ZipFile(war) as archive:
            archive.extractall(folder)
    return folder


def frost_tests() -> Path:
    """The archive of FROST's tests."""
    return _frosts_own("FROST-Server.Tests*-tests.jar") or one(
        f"{FROST_GROUP}:FROST-Server.Tests:{FROST_VERSION}:jar:tests"
    )


def compiled(sources: Sequence[str], class_path: Sequence[Path | str]) -> Path:
    """Our Java sources as classes; compiled again when they or their class path change."""
    texts = [(JAVA / source).read_bytes() for source in sources]
    key = hashlib.sha256(b"".join(texts) + joined(class_path).encode()).hexdigest()[:12]
    folder = cache() / f"classes-{key}"
    if not (folder / "complete").exists():
        folder.mkdir(exist_ok=True)
        paths = [str(JAVA / source) for source in sources]
        _run([tool("javac"), "-nowarn", "-d", str(folder), "-cp", joined(class_path), *paths], cwd=folder)
        (folder / "complete").touch()
    return folder


def joined(class_path: Sequence[Path | str]) -> str:
    """A class path as Java wants it."""
    return os.pathsep.join(str(part) for part in class_path)


def _frosts_own(pattern: str) -> Path | None:
    named = os.environ.get("NABE_FROST_JARS")
    return next(iter(sorted(Path(named).glob(pattern))), None) if named else None


def _dependency(artefact: str) -> str:
    group, name, version, *_ = artefact.split(":")
    return f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version></dependency>"


def _maven(*arguments: str, cwd: Path) -> None:
    _run([tool("mvn"), "-B", "-q", *arguments], cwd=cwd)


def _run(command: list[str], cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600)
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise NotToBeHad(f"{Path(command[0]).name} {command[-1]}: " + " | ".join(lines[:3])[:600])
