#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Each code block of C++ in docs/guide and docs/sqlite.md is a snippet of a tested file, and each snippet is shown.

A snippet stands between `// [name]` and `// [/name]` in tests/guide/*.cpp or examples/*/main.cpp; a
block is headed by the line `<!-- name -->`. With --write the blocks are put in place."""
import re
import sys
import textwrap
from pathlib import Path

root = Path(__file__).resolve().parents[2]
snippets, shown, failed = {}, set(), False
for source in [*root.glob("tests/guide/*.cpp"), *root.glob("examples/*/main.cpp")]:
    for name, text in re.findall(r"^ *// \[(\w+)\]\n(.*?)^ *// \[/\1\]\n", source.read_text(),
                                 re.M | re.S):
        if name in snippets:
            sys.exit(f"{source}: a second snippet named {name}")
        snippets[name] = textwrap.dedent(text)
for page in [*sorted((root / "docs/guide").glob("*.md")), root / "docs/sqlite.md"]:
    text = page.read_text()
    if "--write" in sys.argv:
        text = re.sub(r"<!-- (\w+) -->\n```cpp\n.*?```",
                      lambda m: f"<!-- {m[1]} -->\n```cpp\n{snippets[m[1]]}```", text, flags=re.S)
        page.write_text(text)
    blocks = re.findall(r"(?:<!-- (\w+) -->\n)?```cpp\n(.*?)```", text, re.S)
    for name, block in blocks:
        shown.add(name)
        if snippets.get(name) != block:
            print(f"{page.relative_to(root)}: the block {name or 'without a name'} is not its snippet")
            failed = True
for name in snippets.keys() - shown:
    print(f"no page shows the snippet {name}")
    failed = True
sys.exit(failed)
