"""What the search page looks through: names of files in shards, loaded when they are needed; all other pages at once.

A shard holds the names of five thousand files. The index says of each shard which runs of four characters occur in its
names (a bit for each of 16 384 classes), so that a search loads only shards that may hold what is sought. Events are
found through the lists of days that the viewer uses.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from sqlalchemy import Connection

from monitors.site import queries, text
from monitors.site.publish import Publisher
from monitors.site.shell import Link, Shell

PATH = "search.html"
FOLDER = "search"
INDEX = f"{FOLDER}/index.js"

#: Files of one shard.
SHARD = 5000

#: Classes that runs of four characters fall into; `assets/search.js` knows the number too.
CLASSES = 16_384


def shard_path(shard: int) -> str:
    """Return the script with the names of the files of one shard."""
    return f"{FOLDER}/files/{shard}.js"


def digest(names: Iterable[str]) -> str:
    """Return a bit for each class of runs of four characters that occur in `names`, as base 64.

    Characters count as in JavaScript: UTF-16 units, in lower case.
    """
    units = np.frombuffer("\n".join(names).lower().encode("utf-16-le", "surrogatepass"), dtype="<u2").astype(np.int64)
    bits = np.zeros(CLASSES, dtype=bool)
    if units.size >= 4:
        a, b, c, d = (units[i : units.size - 3 + i] for i in range(4))
        bits[(((a * 31 + b) * 31 + c) * 31 + d) % CLASSES] = True
    return base64.b64encode(np.packbits(bits).tobytes()).decode("ascii")


def publish_files(
    publisher: Publisher, conn: Connection, shards: Iterable[int], seen: Mapping[str, str]
) -> dict[str, str]:
    """Write the scripts of the shards that changed, and return the digest of every shard by its number."""
    digests = dict(seen)
    for shard in sorted(shards):
        rows = queries.NAMES_OF_FILES.rows(conn, low=shard * SHARD, high=(shard + 1) * SHARD - 1)
        if not rows:
            digests.pop(str(shard), None)
            publisher.remove(shard_path(shard))
            continue
        listed = [[row["id"], text.plain(row["name"]), row["level"], row["state"], row["sha256"]] for row in rows]
        script = f"pinakesSearch.setFiles({shard},{text.script_json(listed)});\n"
        publisher.file(shard_path(shard), script.encode("ascii"))
        digests[str(shard)] = digest(name for _, name, *_ in listed)
    return digests


def publish(
    publisher: Publisher, shell: Shell, digests: Mapping[str, str], pages: Sequence[tuple[str, Link]], files: int
) -> None:
    """Write the search page and its index; `pages` are all pages but those of files and events, with their kind."""
    listed = [[kind, text.plain(link.label), link.path] for kind, link in pages]
    shards = [[int(shard), digests[shard]] for shard in sorted(digests, key=int, reverse=True)]
    script = f"pinakesSearch.setIndex({text.script_json(listed)},{text.script_json(shards)},{files});\n"
    publisher.file(INDEX, script.encode("ascii"))
    publisher.page(PATH, shell.render("search.html", PATH, "Search"))
