// SPDX-License-Identifier: BSL-1.0
// What examples/hub/feed_history.mjs posts: a repository's commits as GitHub's signed pushes, those
// that come later too; and where there is no repository, the payloads.
import { strict as assert } from "node:assert";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { guid } from "../../examples/hub/github.mjs";
import { repository } from "./repository.mjs";
import { start_program } from "./running.mjs";

const program = new URL("../../examples/hub/feed_history.mjs", import.meta.url).pathname;
const secret = "a secret";
const no_commit = "0".repeat(40);
const work = mkdtempSync(join(tmpdir(), "tidings-history."));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));
setTimeout(() => {
    console.error("feed_history: not done after 60 s");
    process.exit(1);
}, 240_000).unref();

// Stands in for the hub's /in/github; the second delivery it refuses.
const came = [];
let more = () => {};
const hub = http.createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    came.push({ path: request.url, headers: request.headers, body });
    response.writeHead(came.length === 2 ? 500 : 202).end("not now");
    more();
});
hub.listen(0, "127.0.0.1");
await once(hub, "listening");
const url = `http://127.0.0.1:${hub.address().port}`;

// Starts the program, gives the first `count` deliveries, each of which must be signed.
async function posted(folder, count, meanwhile = () => {}) {
    came.length = 0;
    const running = start_program(process.execPath,
        [program, url, secret, folder, join(work, "payloads")],
        { env: { GIT_CEILING_DIRECTORIES: work } });
    while (came.length < count) {
        await new Promise((now) => (more = now));
        meanwhile(came.length);
    }
    const all = came.map(({ path, headers, body }) => {
        assert.equal(path, "/in/github");
        assert.equal(headers["x-hub-signature-256"],
            "sha256=" + createHmac("sha256", secret).update(body).digest("hex"));
        return {
            event: headers["x-github-event"], delivery: headers["x-github-delivery"],
            body, push: JSON.parse(body),
        };
    });
    return { running, all };
}

const repo = new repository(join(work, "shop"));
repo.git("remote", "add", "origin", "https://someone:password@github.com/acme/shop.git");
const message = "Second: ü \"quoted\" \\ \u{1f4e8}\n\nA body\tof\n\ntwo paragraphs.";
const shas = [
    repo.commit("First", { "a.txt": "1\n", "the folder/bü.txt": "2\n" }),
    repo.commit(message, { "a.txt": "3\n", "the folder/bü.txt": null, "c.txt": "4\n" }),
];
repo.git("checkout", "--quiet", "-b", "side");
shas.push(repo.commit("Side", { "d.txt": "5\n" }));
repo.git("checkout", "--quiet", "main");
repo.git("merge", "--quiet", "--no-ff", "--message", "Merge side", "side");
shas.push(repo.head());

const { running, all } = await posted(repo.folder, 5, (count) => {
    if (count === 4) shas.push(repo.commit("Later", { "e.txt": "6\n" }));
});
assert.deepEqual(all.map((one) => one.push.after), shas);
assert.deepEqual(all.map((one) => one.push.before), [no_commit, shas[0], shas[1], shas[1], shas[3]]);
assert.deepEqual(all.map((one) => one.push.created), [true, false, false, false, false]);
for (const { event, delivery, body, push } of all) {
    assert.equal(event, "push");
    assert.equal(delivery, guid(`push ${push.after}`));
    assert.equal(push.ref, "refs/heads/main");
    assert.equal(push.repository.full_name, "acme/shop");
    assert.deepEqual(push.commits, [push.head_commit]);
    assert.equal(push.head_commit.id, push.after);
    assert.equal(push.head_commit.tree_id, repo.git("rev-parse", `${push.after}^{tree}`));
    assert.deepEqual(push.head_commit.author, { name: "Ada Ünal", email: "ada@example.com" });
    assert.deepEqual(push.head_commit.committer, { name: "Bo", email: "bo@example.com" });
    assert.equal(push.head_commit.timestamp, "2024-02-29T12:00:00+01:00");
    assert.ok(!body.includes("password"), "no credentials of the remote's URL");
}
assert.deepEqual(all.map((one) => one.push.head_commit.message),
    ["First", message, "Side", "Merge side", "Later"]);
const files = ({ added, modified, removed }) => ({ added, modified, removed });
assert.deepEqual(files(all[0].push.head_commit),
    { added: ["a.txt", "the folder/bü.txt"], modified: [], removed: [] });
assert.deepEqual(files(all[1].push.head_commit),
    { added: ["c.txt"], modified: ["a.txt"], removed: ["the folder/bü.txt"] });
assert.equal(await running.line("history: 4 commits of "), "acme/shop, one a second");
assert.equal(await running.line("history: push was answered "), "500 not now");
running.child.kill("SIGTERM");
await running.exit;

// No repository: it says so, plays the payloads, and ends.
mkdirSync(join(work, "payloads"));
mkdirSync(join(work, "bare"));
const bodies = ['{"zen":"one"}', '{\n "zen": "two"\n}'];
bodies.forEach((body, i) => writeFileSync(join(work, "payloads", `${i}.json`), body));
writeFileSync(join(work, "payloads", "feed.json"), JSON.stringify(
    bodies.map((_, i) => ({ event: "ping", delivery: `d-${i}`, file: `${i}.json` }))));
const fallback = await posted(join(work, "bare"), 2);
assert.deepEqual(fallback.all.map(({ event, delivery, body }) => [event, delivery, body.toString()]),
    bodies.map((body, i) => ["ping", `d-${i}`, body]));
assert.match(await fallback.running.line("history: no git history to read in this folder "),
    /not a git repository/);
assert.equal(await fallback.running.exit, 0);

// A hub that is not there is an error, not silence.
hub.closeAllConnections();
hub.close();
const alone = start_program(process.execPath, [program, url, secret, repo.folder],
    { stdio: ["ignore", "pipe", "pipe"] });
assert.equal(await alone.exit, 1);
assert.match(alone.text(), /^history: .*ECONNREFUSED/m);
console.log("feed_history: ok");
process.exit(0);
