// SPDX-License-Identifier: BSL-1.0
// The judge of `examples/run.sh --check` judged: examples/hub/check/compare.mjs must let pass what
// is equal, and nothing else.
import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const program = new URL("../../examples/hub/check/compare.mjs", import.meta.url).pathname;
const routes = ["bus", "websocket", "sse", "webhook", "rest_hook"];
const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const work = mkdtempSync(join(tmpdir(), "tidings-compare."));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

const line = (n, data = n) => `id-${n} com.github.push ${sha256(`data ${data}`)}`;
const text = (lines) => lines.map((one) => one + "\n").join("");
const sent = [1, 2, 3, 4, 5].map((n) => line(n));

// Every route has `sent` but one, which has `got` (undefined: no file at all). Returns the exit
// status, what is said of that route, and its closing line; those of the others must be good.
function judge(got, expected = sent, route = "sse") {
    writeFileSync(join(work, "expected.txt"), text(expected));
    for (const name of routes) {
        const file = join(work, `${name}.txt`);
        rmSync(file, { force: true });
        const content = name === route ? got : text(expected);
        if (content !== undefined) writeFileSync(file, content);
    }
    const { status, stdout } = spawnSync(process.execPath, [program, join(work, "expected.txt"), work],
        { encoding: "utf8" });
    const lines = stdout.trimEnd().split("\n");
    const n = expected.length;
    routes.forEach((name, i) => name === route || assert.equal(lines.at(i - routes.length),
        `route ${name} sent ${n} received ${n} distinct ${n} order ok sha256 ${sha256(text(expected))}`));
    return {
        status,
        said: lines.slice(0, -routes.length),
        last: lines.at(routes.indexOf(route) - routes.length),
    };
}

// A list that is not what was sent: exit 1, the closing line has these counts, and this is said.
function refused(name, got, counts, said) {
    for (const route of routes) {
        const verdict = judge(got, sent, route);
        assert.deepEqual(verdict, {
            status: 1,
            said: said.map((one) => `${route}: ${one}`),
            last: `route ${route} sent 5 ${counts} sha256 ${sha256(got ?? "")}`,
        }, `${name} on ${route}`);
    }
    console.log(`ok    ${name}`);
}

assert.deepEqual(judge(text(sent)), {
    status: 0, said: [],
    last: `route sse sent 5 received 5 distinct 5 order ok sha256 ${sha256(text(sent))}`,
});
console.log("ok    all equal");

const [a, b, c, d, e] = sent;
refused("one missing", text([a, b, d, e]), "received 4 distinct 4 order ok", [`missing  ${c}`]);
refused("the last missing", text([a, b, c, d]), "received 4 distinct 4 order ok", [`missing  ${e}`]);
refused("one altered", text([a, b, line(3, "x"), d, e]), "received 5 distinct 5 order ok",
    [`altered  ${line(3, "x")}`]);
refused("one of another type", text([a, b, c.replace("push", "pull"), d, e]),
    "received 5 distinct 5 order ok", [`altered  ${c.replace("push", "pull")}`]);
refused("one doubled", text([a, b, c, c, d, e]), "received 6 distinct 5 order ok", ["2 times  id-3"]);
refused("one doubled later", text([a, b, c, d, e, b]), "received 6 distinct 5 order BAD",
    ["2 times  id-2"]);
refused("one doubled in place of another", text([a, b, b, d, e]), "received 5 distinct 4 order ok",
    [`missing  ${c}`, "2 times  id-2"]);
refused("two exchanged", text([a, c, b, d, e]), "received 5 distinct 5 order BAD", []);
refused("one additional", text([...sent, line(6)]), "received 6 distinct 6 order BAD",
    [`unknown  ${line(6)}`]);
refused("one in place of another", text([a, b, line(6), d, e]), "received 5 distinct 5 order BAD",
    [`missing  ${c}`, `unknown  ${line(6)}`]);
refused("the last line cut off", text(sent).slice(0, -9), "received 5 distinct 5 order ok",
    [`altered  ${e.slice(0, -8)}`]);
const missing = sent.map((one) => `missing  ${one}`);
refused("an empty list", "", "received 0 distinct 0 order ok", missing);
refused("no list at all", undefined, "received 0 distinct 0 order ok", missing);

// Nothing was sent: nothing was shown.
assert.equal(judge("", []).status, 1);
console.log("ok    nothing sent");

// Of many differences the first ten.
const many = Array.from({ length: 30 }, (_, n) => line(n));
assert.deepEqual(judge("", many).said,
    [...many.slice(0, 10).map((one) => `sse: missing  ${one}`), "sse: and 20 more"]);
console.log("ok    many differences");
