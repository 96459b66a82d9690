"""Stand-ins for the base images, built from Debian's packages where no registry can be reached.

Each behaves as the image it stands for as far as docker-compose.yml and exporter/Dockerfile can tell: the
entry point, the tools that the health checks call, the owners of data directories. Grafana is a stub and no
Grafana. A stand-in is made once for one content; its tag is that content's hash.
"""

import hashlib
import os
import shutil
import ssl
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.compose.engine import docker
from tests.stack.tools import NEW

SUITE = "trixie"
PACKAGES = "python3,python3-venv,ca-certificates,tzdata,busybox"
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
UNREAD = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")

BOOTSTRAP = [
    "mmdebstrap",
    "--quiet",
    "--variant=apt",
    f"--include={PACKAGES}",
    '--aptopt=Acquire::Languages "none"',
    "--aptopt=Acquire::Retries 2",
    *(f"--dpkgopt=path-exclude={path}" for path in UNREAD),
    SUITE,
]

LABEL = "mt5-exporter.stand-in"
REPOSITORY = "mt5-exporter-stand-in"

PIP = Path("/etc/pip.conf")

PYTHON = """\
FROM {base}
LABEL {label}
COPY authorities.crt /etc/ssl/certs/ca-certificates.crt
COPY pip.conf /etc/pip.conf
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt
RUN ln -s /usr/bin/python3 /usr/local/bin/python
"""

PROMETHEUS = """\
FROM {base}
LABEL {label}
COPY usr/bin/prometheus usr/bin/promtool /bin/
RUN ln -s /bin/busybox /usr/local/bin/wget && mkdir /prometheus && chown 65534:65534 /prometheus
USER nobody
WORKDIR /prometheus
ENTRYPOINT ["/bin/prometheus"]
"""

ALERTMANAGER = """\
FROM {base}
LABEL {label}
COPY usr/bin/prometheus-alertmanager /bin/alertmanager
COPY usr/bin/amtool /bin/
COPY usr/share/prometheus /usr/share/prometheus
RUN ln -s /bin/busybox /usr/local/bin/wget && mkdir /alertmanager && chown 65534:65534 /alertmanager
USER nobody
WORKDIR /alertmanager
ENTRYPOINT ["/bin/alertmanager"]
"""

GRAFANA = """\
FROM {base}
LABEL {label}
COPY grafana_stub.py /grafana_stub.py
RUN ln -s /bin/busybox /usr/local/bin/wget && mkdir /var/lib/grafana && chown 472:0 /var/lib/grafana
USER 472
ENTRYPOINT ["python3", "/grafana_stub.py"]
"""

STUB = Path(__file__).with_name("grafana_stub.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIns:
    """The images' names.

    Attributes:
        python: For python:X-slim.
        prometheus: Debian's.
        alertmanager: Debian's.
        grafana: A stub.
    """

    python: str
    prometheus: str
    alertmanager: str
    grafana: str

    def environment(self) -> Mapping[str, str]:
        """Return the variables of docker-compose.yml that name them."""
        return {
            "PYTHON_IMAGE": self.python,
            "PROMETHEUS_IMAGE": self.prometheus,
            "ALERTMANAGER_IMAGE": self.alertmanager,
            "GRAFANA_IMAGE": self.grafana,
        }


def prepare(folder: Path) -> StandIns:
    """Return the stand-ins, built in a folder as far as they are not there yet."""
    base = _base()
    authorities = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    pip = PIP.read_bytes() if PIP.exists() else b""
    packages = {path: (NEW.folder / path).read_bytes() for path in _files("usr/bin", "usr/share/prometheus")}
    return StandIns(
        python=_image(
            folder,
            "python",
            PYTHON,
            base,
            {"authorities.crt": Path(authorities).read_bytes(), "pip.conf": pip},
        ),
        prometheus=_image(folder, "prometheus", PROMETHEUS, base, packages),
        alertmanager=_image(folder, "alertmanager", ALERTMANAGER, base, packages),
        grafana=_image(folder, "grafana", GRAFANA, base, {STUB.name: STUB.read_bytes()}),
    )


def _files(*folders: str) -> list[str]:
    return sorted(
        str(path.relative_to(NEW.folder))
        for folder in folders
        for path in (NEW.folder / folder).rglob("*")
        if path.is_file() and not path.is_symlink()
    )


def _there(image: str) -> bool:
    return bool(docker("images", "--quiet", image).strip())


def _base() -> str:
    """Return a Debian with Python in it."""
    image = f"{REPOSITORY}-base:{hashlib.sha256(' '.join(BOOTSTRAP).encode()).hexdigest()[:16]}"
    if not _there(image):
        environment = {**os.environ, "TMPDIR": "/tmp"}  # noqa: S108 - where mmdebstrap's own user may write
        # The archive goes from the one to the other: what is killed leaves nothing.
        with subprocess.Popen(
            [*BOOTSTRAP, "-", MIRROR], stdout=subprocess.PIPE, env=environment, stdin=subprocess.DEVNULL
        ) as made:
            try:
                taken = subprocess.run(
                    ["docker", "import", "--change", f"LABEL {LABEL}=base", "-", image],
                    stdin=made.stdout,
                    check=False,
                    capture_output=True,
                    timeout=400,
                )
                status = made.wait(timeout=30)
            finally:
                made.terminate()
        if status or taken.returncode:
            raise AssertionError(f"mmdebstrap: {status}; docker import: {taken.stderr.decode()}")
    return image


def _image(folder: Path, name: str, recipe: str, base: str, files: Mapping[str, bytes]) -> str:
    """Return an image that a recipe makes of the base and of those files that it copies."""
    copied = {path: content for path, content in files.items() if _copies(recipe, path)}
    text = recipe.format(base=base, label=f"{LABEL}={name}")
    content = hashlib.sha256(text.encode())
    for path, data in sorted(copied.items()):
        content.update(hashlib.sha256(f"{path}\0".encode() + data).digest())
    image = f"{REPOSITORY}-{name}:{content.hexdigest()[:16]}"
    if not _there(image):
        context = folder / name
        for path, data in copied.items():
            (context / path).parent.mkdir(parents=True, exist_ok=True)
            (context / path).write_bytes(data)
            (context / path).chmod(0o755 if path.startswith("usr/bin/") else 0o644)
        (context / "Dockerfile").write_text(text)
        docker("build", "--quiet", "--tag", image, str(context), seconds=200)
        shutil.rmtree(context)
    return image


def _copies(recipe: str, path: str) -> bool:
    words = {word for line in recipe.splitlines() if line.startswith("COPY ") for word in line.split()[1:-1]}
    return any(path == word or path.startswith(f"{word}/") for word in words)
