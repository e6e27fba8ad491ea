"""Canaries: words that no catalogue declares, in every place that a product could let them out of."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import uuid
from pathlib import Path

import pytest

from tests.support import products
from tests.support.hostile import Moody, answering, healthy, moody
from tests.support.processes import can_mount

WORDS = {
    "environment value": "zephyrquill",
    "environment name": "BRAMBLEWOCK",
    "home": "marmotfjord",
    "account": "otterglyph",
    "folder": "heronvault",
    "file": "wombatspire",
    "exception": "lynxparable",
    "configuration": "tapirlantern",
    "choice": "gibbonmosaic",
    "name": "quokkatrellis",
    "route": "puffinharbor",
    "version": "ibexcobalt",
    "digest": "narwhalsonnet",
    "undeclared property": "axolotlbeacon",
    "undeclared event": "pangolinember",
    "undeclared fact": "capybaraflint",
    "snapshot value": "ocelotprism",
    "argument": "dugongcipher",
    "host": "magpieorchard",
    "git remote": "stoatcanyon",
    "dashboard": "kinkajoudrift",
    "counter": "manateequartz",
}
MORE = """
[events.tea_made.properties.blend_name]
type = "name"
values = ["earl_grey"]
description = "Which."

[events.tea_made.properties.kettle]
type = "version"
description = "Which."
"""
LEAKS = """
import json, logging, os, socket, sys
logging.basicConfig(level=logging.DEBUG, filename="product.log")
W = json.loads(os.environ.pop("WORDS_OF_THE_TEST"))
if hasattr(socket, "sethostname"):
    try:
        socket.sethostname(W["host"])
    except OSError:
        pass
telemetry.close()
open(W["file"], "w").close()
from windrow import Telemetry
telemetry = Telemetry(
    "telemetry.toml",
    app_version="1.2.3-" + W["version"] + "+" + W["version"],
    context={"app_version": "1.2.3+" + W["version"], W["undeclared fact"]: W["undeclared fact"]},
    config=lambda: {"telemetry": True, "database": W["configuration"], W["configuration"]: 1},
)
@telemetry.snapshot("shelf")
def shelf():
    if not seen:
        seen.append(1)
        raise ValueError(W["exception"])
    return {"sorts": W["snapshot value"], W["snapshot value"]: 3}
seen = []
telemetry.track("tea_made", {
    "sort": W["choice"], "blend_name": W["name"], "blend": W["digest"], "kettle": "v1.2.3-" + W["version"],
    W["undeclared property"]: W["undeclared property"], "cups": W["choice"],
})
telemetry.track(W["undeclared event"], {"sort": W["undeclared event"]})
telemetry.track("page_view", {"route": "/teas/" + W["route"] + "?q=" + W["route"]})
telemetry.track("tea_made", W["argument"])
telemetry.count("boiled", W["counter"])
telemetry.count(W["counter"])
telemetry.ingest([
    {"name": "page_view", "properties": {"route": "/" + W["dashboard"], W["dashboard"]: W["dashboard"]}},
    {"name": W["dashboard"]}, {W["dashboard"]: 1},
])
telemetry.count("boiled")
telemetry.send_daily(5)
telemetry.flush(5)
print(repr(telemetry.status()), [json.loads(body) for body in telemetry.preview()])
"""


def shapes(word: str) -> set[bytes]:
    """The word, and what a plain hash makes of it."""
    found: set[bytes] = set()
    for text in {word, word.lower(), word.upper()}:
        raw = text.encode()
        found |= {raw, base64.b64encode(raw).rstrip(b"="), raw.hex().encode()}
        for name in ("md5", "sha1", "sha256", "sha512", "blake2b"):
            digest = hashlib.new(name, raw).digest()
            found |= {digest, digest.hex()[:24].encode(), base64.b64encode(digest)[:16]}
            found.add(base64.urlsafe_b64encode(digest)[:16])
        for space in (uuid.NAMESPACE_DNS, uuid.NAMESPACE_URL, uuid.NAMESPACE_OID):
            found |= {str(made).encode() for made in (uuid.uuid5(space, text), uuid.uuid3(space, text))}
    return found | {shape.upper() for shape in found}


def run(folder: Path, **variables: str) -> tuple[str, str]:
    place = folder / WORDS["folder"]
    place.mkdir(exist_ok=True)
    program = products.script(place, LEAKS)
    with (place / "telemetry.toml").open("a") as file:
        file.write(MORE)
    (place / ".git").mkdir(exist_ok=True)
    (place / ".git" / "config").write_text(f"[remote]\nurl = https://{WORDS['git remote']}.example/x.git\n")
    before = ("unshare", "--uts") if can_mount() else ()
    names = {WORDS["environment name"]: WORDS["environment value"], "WORDS_OF_THE_TEST": json.dumps(WORDS)}
    accounts = {"USER": WORDS["account"], "LOGNAME": WORDS["account"], "HOME": f"/{WORDS['home']}"}
    done = products.run(
        program,
        *before,
        KETTLE_TELEMETRY_DIR=str(folder / "state"),
        KETTLE_TELEMETRY_SPOOL="1",
        KETTLE_TELEMETRY_FLUSH="600",
        **names,
        **accounts,
        **variables,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def search(where: dict[str, bytes], words: dict[str, str]) -> None:
    for kind, word in words.items():
        for shape in shapes(word):
            for place, data in where.items():
                assert shape not in data, f"{kind} ({word}) is in {place}"


@pytest.mark.parametrize("sink", ["collector", "posthog"])
def test_no_canary_is_in_what_leaves_or_in_what_is_kept(sink: str, tmp_path: Path) -> None:
    with moody(answering(503)) as server:
        variables = {"KETTLE_TELEMETRY_ENDPOINT": server.url}
        catalogue = products.CATALOGUE
        if sink == "posthog":
            products.CATALOGUE = catalogue.replace("endpoint =", 'sink = "posthog"\nendpoint =')
        try:
            out, err = run(tmp_path, **variables)
            server.mood = healthy if sink == "collector" else any_taken
            second = run(tmp_path, **variables)
        finally:
            products.CATALOGUE = catalogue
        assert server.taken
        wire = b"\n".join(server.raw)
    where = {"the wire": wire, "output": (out + err + "".join(second)).encode()}
    for path in tmp_path.rglob("*"):
        if path.is_file() and ("state" in path.parts or path.name == "product.log"):
            where[str(path.relative_to(tmp_path))] = path.read_bytes()
    assert {"state/state.json", "state/ledger.jsonl"} <= set(where)
    words = {**WORDS, "real host": socket.gethostname(), "temporary folder": tmp_path.name}
    search(where, {kind: word for kind, word in words.items() if len(word) > 5})


def any_taken(server: Moody, connection: socket.socket, body: bytes) -> None:
    """What PostHog says."""
    server.taken.append(json.loads(body))
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"status": 1}')


def test_debug_shows_the_names_of_what_is_dropped_and_no_value(tmp_path: Path) -> None:
    out, err = run(tmp_path, KETTLE_TELEMETRY_DEBUG="1", KETTLE_TELEMETRY_ENDPOINT="http://127.0.0.1:9")
    named = (
        "undeclared property",
        "undeclared event",
        "undeclared fact",
        "dashboard",
        "counter",
        "snapshot value",
    )
    hidden = {kind: word for kind, word in WORDS.items() if kind not in named}
    search({"standard error": err.encode(), "standard output": out.encode()}, hidden)
    assert not (tmp_path / "state").exists()


def test_the_canaries_would_have_been_found() -> None:
    word = WORDS["digest"]
    for data in (
        word.upper(),
        hashlib.sha256(word.encode()).hexdigest(),
        str(uuid.uuid5(uuid.NAMESPACE_DNS, word)),
    ):
        with pytest.raises(AssertionError, match="digest"):
            search({"here": f"before {data} after".encode()}, WORDS)
    assert os.sep not in "".join(WORDS.values())
