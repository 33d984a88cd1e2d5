#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Prints file:line and the breach for each include that leads where it may not; run by
tests/house.sh.

The tree is rooms, which stand on floors. A file includes its own room and the floors below, never
its neighbour on the same floor. What lies in a folder impl/ is private: files of impl/ folders, of
its own room or above, include it, and tidings/src.hpp; a public header never does.
"""

import pathlib
import re
import sys

# A room of root files, or a folder (with its root files in brackets); rooms of one floor are
# separated by commas.
FLOORS = [
    "ground: detail errc version unique_function completion_handler log metrics overflow after_gap reconnect guarded finds_memory handler_memory"
    " context_end closing_handle closing_slot connection_state decision delivery_window diagnostics",
    "text",
    "crypto",
    "io",
    "values: attribute_name data_index event event_filter event_json event_ptr filter_bounds filter_node publication_info topic position control_event matches_any",
    "interfaces: receipt subscriber authorizer bearer drain topic_rule history",
    "lane, store",
    "sqlite",
    "bus: bus bus_options reply retained subscription receiver topic_handle explanation tap, http",
    "codec",
    "inlet, outlet",
    "rest, sse, websocket, webhook",
    "rest_hook",
    "test",
    "everything: tidings src",
]

ROOM, FLOOR = {}, {}
for height, floor in enumerate(FLOORS):
    for room in floor.split(", "):
        name, _, files = room.partition(":")
        FLOOR[name] = height
        ROOM.update(dict.fromkeys([name, *files.split()], name))

# A codec turns bytes into events: it knows neither streams nor lanes nor the bus.
CODEC_KNOWS = {"ground", "text", "crypto", "values", "interfaces"}


def room(path):
    """tidings/http/impl/server.ipp is of http; tidings/impl/bus.ipp and tidings/bus.hpp of bus."""
    parts = [part for part in path.split("/")[1:] if part != "impl"]
    if parts[:2] == ["store", "sqlite"]:
        return "sqlite"
    return ROOM.get(parts[0].split(".")[0])


def is_private(path):
    return "/impl/" in path


def includes(root):
    """{file: [(line, included file)]}, all relative to include/."""
    found = {}
    for path in sorted(root.rglob("*.[hi]pp")):
        lines = path.read_text().splitlines()
        found[str(path.relative_to(root))] = [
            (number, match[1])
            for number, line in enumerate(lines, 1)
            if (match := re.match(r"#include <(tidings/[^>]+)>", line))
        ]
    return found


def breach(file, target):
    """What is wrong with an include, or None."""
    own, other = room(file), room(target)
    if own is None or other is None:
        return f"give {file if own is None else target} a room in tests/house_floors.py"
    if file.endswith("/src.hpp"):
        return None
    if is_private(target) and not is_private(file):
        return f"a public header includes {target}, which is private"
    if own == other:
        return None
    if own == "codec" and other not in CODEC_KNOWS and target != "tidings/http/message.hpp":
        return f"a codec includes {target}"
    if FLOOR[other] > FLOOR[own]:
        return f"{own} includes {target}, which lies above it"
    if FLOOR[other] == FLOOR[own]:
        return f"{own} includes {target} of its neighbour {other}"
    return None


graph = includes(pathlib.Path("include"))
wrong = 0
for file, targets in graph.items():
    for line, target in targets:
        if what := breach(file, target):
            print(f"include/{file}:{line}: {what}")
            wrong += 1
sys.exit(1 if wrong else 0)
