"""The servers that tests need from Debian's packages: `python -m tests.servers.install` gets them."""

import sys

from tests.servers.debian import NotInstalled, Package, Program, get

BIND = Package("bind9", "named", ("usr/local/sbin", "sbin", "usr/sbin"), "BIND 9 (named)")
POSTGRESQL = Package("postgresql", "postgres", ("usr/lib/postgresql/*/bin",), "PostgreSQL (postgres)")
POWERDNS = Package(
    "pdns-backend-sqlite3",
    "libgsqlite3backend.so",
    ("usr/lib/*/pdns",),
    "PowerDNS (pdns_server, with SQLite)",
    serves=True,
)
NGINX = Package("nginx", "nginx", ("usr/sbin",), "nginx", serves=True)
OPENSSH = Package("openssh-server", "sshd", ("usr/sbin",), "OpenSSH (sshd)", serves=True)


def named() -> Program:
    """BIND's server; raises NotInstalled."""
    return _found(BIND)


def postgres() -> Program:
    """PostgreSQL's server, in a folder with its other programs; raises NotInstalled."""
    return _found(POSTGRESQL)


def powerdns() -> Program:
    """PowerDNS's backend for SQLite; its server and schema stand where Debian puts them beside it."""
    return _found(POWERDNS)


def sshd() -> Program:
    """OpenSSH's server; raises NotInstalled."""
    return _found(OPENSSH)


def nginx() -> Program:
    """nginx; raises NotInstalled."""
    return _found(NGINX)


def _found(package: Package) -> Program:
    if (program := package.find()) is None:
        raise NotInstalled(f"{package.what} is not on this machine; get it: python -m tests.servers.install")
    return program


if __name__ == "__main__":
    try:
        get([BIND, POSTGRESQL])
        get([POWERDNS, OPENSSH, NGINX])
        for each in (BIND, POSTGRESQL, POWERDNS, OPENSSH, NGINX):
            sys.stderr.write(f"{each.what}: {_found(each).path}\n")
    except NotInstalled as error:
        sys.exit(f"error: {error}")
