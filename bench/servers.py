"""The servers that `bench/run` measures: how each is started, found ready, and stopped by its process id.

Every server gets a data directory of its own below one scratch directory on the file system of the target directory,
and a spare loopback port. Nothing here touches a server that was running before.
"""

import atexit
import http.client
import json
import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").resolve()
LOADER = TARGET / "release" / "muster-bench"
MUSTER = Path(os.environ.get("MUSTER_BIN") or TARGET / "release" / "muster").resolve()
KEY = "bench-key-0123456789"
POSTGRES_BIN = Path("/usr/lib/postgresql/15/bin")

READY_SECONDS_MAX = 120
STOP_SECONDS_MAX = 60


class Failure(Exception):
    """A measurement that could not be made; the text says why."""


class Scratch:
    """The directory that holds all data directories, removed at the end."""

    def __init__(self):
        TARGET.mkdir(parents=True, exist_ok=True)
        self.path = Path(tempfile.mkdtemp(prefix="bench-data.", dir=TARGET))
        # PostgreSQL refuses to run as root, so its own user must be able to pass through here.
        self.path.chmod(0o711)
        self.used = 0
        atexit.register(shutil.rmtree, self.path, ignore_errors=True)

    def directory(self, name):
        """A new empty directory."""
        self.used += 1
        path = self.path / f"{self.used:02}-{name}"
        path.mkdir()
        return path


def spare_port():
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A child process, ready once constructed and stopped when its `with` block ends, however it ends."""

    stop_signal = signal.SIGTERM
    running = set()

    def __init__(self, name, command, directory, is_ready, env=None, as_user=None):
        self.name = name
        self.log = directory.parent / f"{directory.name}.log"
        started = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                cwd=directory,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C reaches this script only, which then stops its servers in order.
                start_new_session=True,
                **(as_user or {}),
            )
        self.running.add(self)
        try:
            self.wait_until(is_ready)
        except BaseException:
            self.stop()
            raise
        self.start_seconds = time.monotonic() - started

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def wait_until(self, is_ready):
        """Waits for `is_ready()`, or fails with the end of the server's log."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not is_ready():
            if self.process.poll() is not None:
                raise Failure(f"{self.name} exited with {self.process.returncode}: {self.log_tail()}")
            if time.monotonic() > deadline:
                raise Failure(f"{self.name} was not ready after {READY_SECONDS_MAX} s: {self.log_tail()}")
            time.sleep(0.002)

    def stop(self):
        """Asks the process to stop, waits for it, kills it if it does not."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.kill()
        self.running.discard(self)

    def kill(self):
        """`kill -9`."""
        self.process.kill()
        self.process.wait()
        self.running.discard(self)

    def rest(self):
        """Waits until the server has done what it puts off, as moving profiles of an import."""
        before = self.cpu_seconds()
        while True:
            time.sleep(1)
            now = self.cpu_seconds()
            if now - before < 0.02:
                return
            before = now

    def cpu_seconds(self):
        """Processor time of the process and of the children it has waited for; 0 once it has ended by itself."""
        try:
            stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        except OSError:
            return 0.0
        # After the name in parentheses come the fields from the third on; 14 to 17 are times (proc(5)).
        fields = stat.rsplit(")", 1)[1].split()
        return sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")

    def log_tail(self):
        """The last lines that the server printed."""
        lines = self.log.read_text(errors="replace").splitlines()
        return " / ".join(lines[-5:]) or "it printed nothing"

    def resident_mb(self, figure="VmRSS"):
        """VmRSS, or VmHWM for the most so far, in MB (10^6 bytes)."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{figure}:"):
                return int(line.split()[1]) * 1024 / 1e6
        raise Failure(f"{self.name} has no {figure}")


def cpu_seconds():
    """Processor time of this script, of the servers that run, and of all children that have ended."""
    ours = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    ended = sum(usage.ru_utime + usage.ru_stime for usage in ours)
    return ended + sum(server.cpu_seconds() for server in Server.running)


def get(port, path, key=None):
    """Status of a GET, or None when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Authorization": f"Token {key}"} if key else {})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


class Muster(Server):
    """`muster serve` on this data directory; ready when `/healthz/ready` says 200."""

    def __init__(self, directory):
        self.port = spare_port()
        env = {name: value for name, value in os.environ.items() if name != "MUSTER_BIN"}
        env |= {
            "MUSTER_DATA": str(directory),
            "MUSTER_LISTEN": f"127.0.0.1:{self.port}",
            "MUSTER_BOOTSTRAP_API_KEY": KEY,
        }
        super().__init__(
            "muster", [MUSTER, "serve"], directory, lambda: get(self.port, "/healthz/ready") == 200, env
        )

    def become_owner(self):
        """Takes up the link that the server printed; the session's cookie."""
        token = self.log.read_text().split("/welcome#", 1)[1].split(None, 1)[0]
        owner = {"token": token, "name": "Bench", "email": "bench@example.com", "password": "only for a benchmark"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            headers = {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{self.port}"}
            connection.request("POST", "/v1/invitations/accept", json.dumps(owner), headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise Failure(f"the owner's link answers {answer.status}")
            return answer.getheader("Set-Cookie").split(";", 1)[0]
        finally:
            connection.close()


    def bulk_users(self, file):
        """Uploads a file of users and waits until its job has ended; the seconds from the first byte, and the job."""
        seconds, job = self.upload("/v1/users/bulk_identify", file, 202)
        if job["accepted_rows"] != job["total_rows"]:
            raise Failure(f"the job did not take every row: {job}")
        return seconds, job

    def import_history(self, file):
        """The same of a file of history, whose rows may be known."""
        seconds, job = self.upload("/v1/imports", file, 200)
        if job["accepted_rows"] + job["duplicate_rows"] != job["total_rows"]:
            raise Failure(f"the job rejected rows: {job}")
        return seconds, job

    def export_events(self, form):
        """Exports every event; the seconds until its files are whole, and the export."""
        started = time.monotonic()
        path, body = "/api/v1/analytics/exports", json.dumps({"type": "events", "format": form})
        export = self.call("POST", path, body, {"Content-Type": "application/json"}, 201)
        while export.get("status") not in ("completed", "failed"):
            time.sleep(0.01)
            export = self.call("GET", f"{path}/jobs/{export['id']}", None, {}, 200)
        if export["status"] == "failed":
            raise Failure(f"the export failed: {export}")
        return time.monotonic() - started, export

    def download_export(self, export, into):
        """Saves the files of an export."""
        into.mkdir()
        for file in export["presigned_urls"]:
            with urllib.request.urlopen(file["url"], timeout=600) as answer, open(into / file["filename"], "wb") as saved:
                shutil.copyfileobj(answer, saved, 1 << 20)

    def upload(self, path, file, expected):
        started = time.monotonic()
        with open(file, "rb") as body:
            headers = {"Content-Type": "application/x-ndjson", "Content-Length": str(file.stat().st_size)}
            job = self.call("POST", path, body, headers, expected)
        while job["status"] not in ("completed", "failed"):
            time.sleep(0.01)
            job = self.call("GET", f"/v1/background_jobs/{job['job_id']}", None, {}, 200)
        if job["status"] == "failed":
            raise Failure(f"the job failed: {job}")
        return time.monotonic() - started, job

    def call(self, method, path, body, headers, expected):
        """One call with the key; its answer's JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600, blocksize=1 << 20)
        try:
            connection.request(method, path, body, {"Authorization": f"Token {KEY}", **headers})
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        if answer.status != expected:
            raise Failure(f"{method} {path} answers {answer.status}: {said[:300]}")
        return json.loads(said)


class Bare(Server):
    """The bare axum handler."""

    def __init__(self, directory):
        self.port = spare_port()
        command = [LOADER, "bare", "--listen", f"127.0.0.1:{self.port}"]
        super().__init__("bare", command, directory, lambda: get(self.port, "/v1/users/any") == 200)


class Postgres(Server):
    """PostgreSQL 15, durable as it comes; only the memory and the WAL limit are raised."""

    # "Fast" shutdown: does not wait for clients.
    stop_signal = signal.SIGINT

    def __init__(self, directory):
        self.port = spare_port()
        self.client = ["-h", "127.0.0.1", "-p", self.port]
        as_user = {}
        if os.geteuid() == 0:
            shutil.chown(directory, "postgres", "postgres")
            group = pwd.getpwnam("postgres").pw_gid
            as_user = {"user": "postgres", "group": group, "extra_groups": []}
        initdb = [POSTGRES_BIN / "initdb", "-D", directory / "db", "-U", "bench", "-A", "trust", "-E", "UTF8"]
        run([*initdb, "--locale=C"], cwd=directory, **as_user)
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "on",
            "synchronous_commit": "on",
            "shared_buffers": "1GB",
            # The default of 1 GB would make it checkpoint, and write full pages, all the time under this load.
            "max_wal_size": "4GB",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [POSTGRES_BIN / "postgres", "-D", directory / "db", *options]
        probe = [str(part) for part in [POSTGRES_BIN / "pg_isready", "-q", *self.client]]

        def is_ready():
            return subprocess.run(probe, check=False).returncode == 0

        super().__init__("postgres", command, directory, is_ready, as_user=as_user)

    def sql(self, text, **variables):
        """Runs statements; `:'name'` in them is a variable."""
        options = [part for name, value in variables.items() for part in ("-v", f"{name}={value}")]
        psql = [POSTGRES_BIN / "psql", *self.client, "-U", "bench", "-d", "postgres", "-q", "-v", "ON_ERROR_STOP=1"]
        return run([*psql, *options], input=text)


class Redis(Server):
    """Redis with every write synced before it is answered; otherwise as it comes."""

    def __init__(self, directory):
        self.port = spare_port()
        settings = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": directory,
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
        }
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        ping = ["redis-cli", "-p", str(self.port), "ping"]

        def is_ready():
            return b"PONG" in subprocess.run(ping, check=False, capture_output=True).stdout

        super().__init__("redis", ["redis-server", *options], directory, is_ready)


def run(command, **options):
    """Runs a command to its end; its standard output, or a failure with its standard error."""
    command = [str(part) for part in command]
    options = {"stdin": subprocess.DEVNULL, **options} if "input" not in options else options
    done = subprocess.run(command, check=False, text=True, capture_output=True, **options)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-5:]
        raise Failure(f"{Path(command[0]).name} exited with {done.returncode}: {' / '.join(said)}")
    return done.stdout


def load(port, *options):
    """Runs the load generator; its result."""
    return json.loads(run([LOADER, *load_options(port, *options)]))


def load_options(port, command, *options):
    """Arguments of the load generator against this port."""
    return [command, "--address", f"127.0.0.1:{port}", "--key", KEY, *options]


def install_missing():
    """Installs PostgreSQL 15 and Redis from Debian's packages unless they are there."""
    missing = []
    if not (POSTGRES_BIN / "postgres").exists():
        missing.append("postgresql-15")
    if not (shutil.which("redis-server") and shutil.which("redis-benchmark")):
        missing += ["redis-server", "redis-tools"]
    if not missing:
        return
    apt = ["apt-get"] if os.geteuid() == 0 else ["sudo", "apt-get"]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run([*apt, "update"], env=env)
    run([*apt, "install", "--yes", "--no-install-recommends", *missing], env=env)
