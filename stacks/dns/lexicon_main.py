"""The process that deletes one TXT value through dns-lexicon: one JSON line in, one JSON line out.

Run as a file by the isolated interpreter (`-I`): nothing of tic is imported. What lexicon prints goes to
fd 2. It ends when tic's end of stdin closes, however tic ended.
"""

import functools
import json
import os
import resource
import sys
import threading
from typing import Any


def main() -> None:
    """Answer one request: provider, options, zone, name and value."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the credentials
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_tic, daemon=True).start()
    try:
        answer: dict[str, Any] = {"success": True, "deleted": _delete(**request)}
    except ImportError as error:
        answer = {"success": False, "missing": str(error.name)}
    except Exception as error:
        answer = {"success": False, "error": f"{type(error).__name__}: {error}"}
    replies.write(json.dumps(answer) + "\n")
    replies.flush()


def _delete(provider: str, options: dict[str, str], zone: str, name: str, value: str) -> int:
    """Delete the value, where it is; returns how many records had it."""
    import tldextract
    from lexicon.client import Client
    from lexicon.config import ConfigResolver, DictConfigSource

    # The zone is known; lexicon would ask the network for a list of suffixes to guess it by.
    tldextract.TLDExtract = functools.partial(  # type: ignore[misc, assignment]
        tldextract.TLDExtract, suffix_list_urls=()
    )
    resolver = ConfigResolver()  # type: ignore[no-untyped-call]
    config = resolver.with_dict({"provider_name": provider, "domain": zone, provider: options})
    client = Client(config)
    client.config.add_config_source(DictConfigSource({"domain": zone}), 0)
    with client as operations:
        for content in (value, f'"{value}"'):  # some providers keep the quotes that lego sends
            found = operations.list_records("TXT", name, content)
            if any(str(each["content"]).strip('"') != value for each in found):
                raise LookupError(f"asked for one value of {name}, the provider lists others too")
            if found:
                operations.delete_record(rtype="TXT", name=name, content=content)
                return len(found)
    return 0


def _end_with_tic() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
