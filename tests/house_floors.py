#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Prints file:line and the breach for each include that leads upwards; run by tests/house.sh.

A file includes its own floor and those below. Transports never include one another, except
rest_hook, which uses webhook. A file of detail/ stands as high as the highest file it includes, at
most below the transports, and only who stands as high may include it.
"""

import pathlib
import re
import sys

FLOORS = [
    "errc version event event_json event_ptr topic position control_event",  # values
    "subscriber subscription receiver receipt overflow authorizer metrics log drain topic_rule io",
    "bus topic_handle history store",
    "codec http",
    "rest websocket sse webhook rest_hook",  # transports
    "test",
    "tidings src",
]
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names.split()}
TRANSPORT = 4
MAY_USE_SIBLING = {("rest_hook", "webhook")}


def module(path):
    """tidings/http/impl/server.ipp is of http; tidings/impl/bus.ipp and tidings/bus.hpp of bus."""
    parts = [part for part in path.split("/")[1:] if part != "impl"]
    return parts[0].split(".")[0]


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


def detail_floors(graph):
    """The floor of each file of detail/: a fixpoint, since they include one another."""
    floors = {file: 0 for file in graph if module(file) == "detail"}
    changed = True
    while changed:
        changed = False
        for file, floor in floors.items():
            for _, target in graph[file]:
                above = floors.get(target, FLOOR.get(module(target), 0))
                if above > floor:
                    floors[file] = floor = above
                    changed = True
    return floors


def breaches(graph):
    details = detail_floors(graph)
    for file, targets in graph.items():
        own = module(file)
        if own != "detail" and own not in FLOOR:
            yield file, 1, f'give "{own}" a floor in tests/house_floors.py'
            continue
        floor = details.get(file, FLOOR.get(own))
        for line, target in targets:
            other = module(target)
            height = details.get(target, FLOOR.get(other))
            if height is None or own == other and own != "detail":
                continue
            if own == "detail":
                if height >= TRANSPORT:
                    yield file, line, f"detail includes {other}, which lies above it"
            elif own == "codec" and other == "io":
                yield file, line, "a codec includes io"
            elif height > floor:
                yield file, line, f"{own} includes {target}, which lies above it"
            elif height == floor == TRANSPORT and (own, other) not in MAY_USE_SIBLING:
                yield file, line, f"{own} includes its sibling {other}"


wrong = list(breaches(includes(pathlib.Path("include"))))
for file, line, what in wrong:
    print(f"include/{file}:{line}: {what}")
sys.exit(1 if wrong else 0)
