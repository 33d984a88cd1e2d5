#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Prints the breaches of the house's counts as file:line: breach; run by tests/house.sh.

Public headers reach few private ones; a body has a header of its stem; a class has at most two
bools and 25 member functions; lanes are entered by the lane's own functions.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path("include/tidings")
MOST_DETAIL = 8
MOST_BOOLS = 2
MOST_FUNCTIONS = 25

# The way of an event (bus, lane, feed, send queue) and the sender are redesigned as a whole later.
LATER = {"bus", "lane", "webhook"}

# What does not fit into the one body of its class.
SECOND_BODIES = {
    "webhook/impl/sender_state_claim.ipp",
    "websocket/impl/websocket_session_messages.ipp",
}


files = {str(p.relative_to(ROOT)): p.read_text() for p in sorted(ROOT.rglob("*.[hi]pp"))}
wrong = 0


def complain(file, line, what):
    global wrong
    wrong += 1
    print(f"include/tidings/{file}:{line}: {what}")


def is_private(file):
    return "/impl/" in file or file.startswith(("impl/", "detail/"))


def included(file):
    return [f for f in re.findall(r"#include <tidings/([^>]+)>", files[file]) if f in files]


def check_detail():
    """The private headers that a public one reaches."""
    reached, todo = set(), [f for f in files if not is_private(f) and f.endswith(".hpp")]
    todo.remove("src.hpp")
    seen = set(todo)
    while todo:
        for target in included(todo.pop()):
            if is_private(target):
                reached.add(target)
            if target not in seen:
                seen.add(target)
                todo.append(target)
    if len(reached) > MOST_DETAIL:
        complain("tidings.hpp", 1, f"public headers reach {len(reached)} private ones: {reached}")


def check_stems():
    for file in files:
        if not file.endswith(".ipp") or file in SECOND_BODIES:
            continue
        folder, _, name = file.rpartition("/")
        stem = name.removesuffix(".ipp")
        above = folder.removesuffix("impl").rstrip("/")
        if not {f"{folder}/{stem}.hpp", f"{above}/{stem}.hpp".lstrip("/")} & files.keys():
            complain(file, 1, "a body without a header of its stem")


def without_comments(text):
    text = re.sub(r'"(\\.|[^"\\\n])*"', '""', text)
    return re.sub(r"//[^\n]*", "", text)


def classes(text):
    """(kind, name, line, body without the bodies of functions and nested classes)."""
    text = without_comments(text)
    for match in re.finditer(r"\b(class|struct)\s+(?:\[\[.*?\]\]\s*)?([\w:]+)[^;{}()<>=]*?(?:<[^{};]*?>[^;{}()]*?)?\{", text):
        if re.search(r"enum\s+$|template\s*<[^>]*$", text[: match.start()][-40:]):
            continue
        depth, at, own = 1, match.end(), []
        while depth and at < len(text):
            c = text[at]
            if c == "{":
                depth += 1
                if depth == 2:
                    own.append("{}")
            elif c == "}":
                depth -= 1
            elif depth == 1:
                own.append(c)
            at += 1
        yield match[1], match[2], text.count("\n", 0, match.start()) + 1, "".join(own)


BOOL = re.compile(
    r"^\s*(?:mutable\s+|const\s+)*(?:bool|std::atomic<bool>|std::atomic_flag|std::atomic_bool)"
    r"\s+(\w+)\s*(?:=[^;]*|\{\})?\s*;", re.M)
BITS = re.compile(r"^\s*(?:unsigned|bool|std::uint\d+_t)\s+\w+\s*:\s*\d+", re.M)
FUNCTION = re.compile(r"(?<![\w:.>])(~?\w+|operator\S+)\s*\(")


def functions(name, body):
    count = 0
    for statement in re.split(r";|\{\}|\bpublic:|\bprivate:|\bprotected:", body):
        statement = re.sub(r"\(\s*\*.*", "", statement)
        match = FUNCTION.search(re.sub(r"requires\s*\([^)]*\)|requires[^;{]*?>\s", "", statement))
        if not match or "override" in statement or "= delete" in statement or "= default" in statement:
            continue
        if match[1].lstrip("~") == name.split("::")[-1] or "using " in statement or "friend " in statement:
            continue
        if re.match(r"\s*(static_assert|return|if|for)\b", statement) or "=" in statement[: match.start()]:
            continue
        count += 1
    return count


def check_classes():
    for file, text in files.items():
        room = file.split("/")[0]
        if room in LATER or room == "test":
            continue
        for kind, name, line, body in classes(text):
            if name.endswith("_options"):
                continue
            members = functions(name, body)
            if members > MOST_FUNCTIONS and is_private(file):
                complain(file, line, f"{name} has {members} member functions")
            bools = len(BOOL.findall(body)) + len(BITS.findall(body))
            if bools > MOST_BOOLS and (kind == "class" or members):
                complain(file, line, f"{name} has {bools} bools")


def check_lines():
    rules = [
        (r"^\s*using namespace ", lambda f: f.endswith(".hpp"), "a using-directive in a header"),
        (r"openssl/", lambda f: not f.startswith(("crypto/impl/", "io/impl/")),
         "names OpenSSL outside crypto/ and io/"),
        (r"boost/beast", lambda f: f not in ("http/beast.hpp", "http/impl/message/message_reader.ipp"),
         "names Beast outside http/beast.hpp and message_reader.ipp"),
        (r"net::(post|dispatch|defer)\((\w+->)?(lane_?|home_?|l)(\(\))?->executor\(\)",
         lambda f: not f.startswith("lane/impl/"), "enters a lane by its executor"),
        (r"async_initiate<", lambda f: f != "detail/initiation.hpp",
         "starts an operation without detail::initiate, which carries the executor"),
    ]
    for file, text in files.items():
        for number, line in enumerate(text.splitlines(), 1):
            code = re.sub(r"//.*", "", line)
            for pattern, applies, what in rules:
                if applies(file) and re.search(pattern, code):
                    complain(file, number, what)


# A riddle: a person where a part of the program is meant.
RIDDLE = re.compile(
    r"\b[Ww]ho(ever|m)?\b|\b(is|are|was|were) told\b|\blets? go of\b|\bhears? of\b|\bis through\b")


def check_english():
    for file, text in files.items():
        for number, line in enumerate(text.splitlines(), 1):
            comment = re.search(r"//(.*)", line)
            if comment and RIDDLE.search(re.sub(r"`[^`]*`", "", comment[1])):
                complain(file, number, f"plain technical English: {comment[1].strip()}")


check_detail()
check_stems()
check_classes()
check_lines()
check_english()
sys.exit(1 if wrong else 0)
