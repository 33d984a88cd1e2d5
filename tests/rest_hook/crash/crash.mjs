// SPDX-License-Identifier: BSL-1.0
// Kills a hub with many REST hooks at random moments, with SIGKILL, and starts it on the same file:
// what it said that it had taken arrives at every target that had agreed, nothing arrives at one
// whose subscription was erased before, and none is asked again that has agreed.
//
//     node crash.mjs HOOK_CRASH_PROGRAM [KILLS [SUBSCRIPTIONS]]
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { start_program } from "../../examples/running.mjs";
import { random } from "../../support/random_moments.mjs";

const [, , program, kills_given, count_given] = process.argv;
const kills = Number(kills_given ?? 3);
const count = Number(count_given ?? 2_000);
const at_once = 16;

const folder = mkdtempSync(join(tmpdir(), "tidings-hooks-"));
const socket = join(folder, "s");

// ---- targets: /N for the subscription to shopN.order; every seventh delivery is refused once ----

const arrived = new Map(); // by target: the texts that it took, in order
const questions = new Map(); // by target: how often it was asked
let requests = 0;
const targets = createServer((req, res) => {
    let body = "";
    req.on("data", (piece) => (body += piece));
    req.on("end", () => {
        const secret = req.headers["x-hook-secret"];
        if (secret !== undefined) {
            questions.set(req.url, (questions.get(req.url) ?? 0) + 1);
            return res.writeHead(200, { "X-Hook-Secret": secret }).end();
        }
        if (++requests % 7 === 0) return res.writeHead(500).end();
        if (!arrived.has(req.url)) arrived.set(req.url, []);
        arrived.get(req.url).push(body);
        res.writeHead(204).end();
    });
});
await new Promise((done) => targets.listen(0, "127.0.0.1", done));
const url = `http://127.0.0.1:${targets.address().port}`;

// ---- the hub ----

const agent = new Agent({ keepAlive: true, maxSockets: at_once });
// The status and the body; status 0: there was no answer.
function ask(method, path, text, type = "application/json") {
    return new Promise((done) => {
        const headers = text === undefined ? {} : { "Content-Type": type };
        const r = request({ socketPath: socket, agent, method, path, headers }, (answer) => {
            let body = "";
            answer.setEncoding("utf8").on("data", (piece) => (body += piece));
            answer.on("end", () => done({ status: answer.statusCode, body }));
            answer.on("error", () => done({ status: 0 }));
        });
        r.on("error", () => done({ status: 0 })).end(text);
    });
}

let hub;
let slowest = 0;
async function start_hub() {
    const began = performance.now();
    hub = start_program(program, [join(folder, "hub.db"), socket]);
    await hub.line("ready");
    for (;;) {
        const { status } = await ask("GET", "/hooks?limit=1");
        if (status === 200) break;
        assert.ok(status === 503, `a list was answered ${status}`); // it loads
        await sleep(5);
    }
    slowest = Math.max(slowest, performance.now() - began);
}
async function kill_hub() {
    hub.child.kill("SIGKILL");
    assert.equal(await hub.exit, "SIGKILL");
}
async function until(condition, what) {
    for (let i = 0; i < 30000; ++i, await sleep(2)) if (condition()) return;
    throw new Error(`never: ${what()}`);
}

// Of the hub that runs; what a killed one did not answer is asked again.
async function list(query = "") {
    const all = [];
    for (let after = ""; ; after = `&after=${all.at(-1).id}`) {
        const { status, body } = await ask("GET", `/hooks?limit=100&${query}${after}`);
        if (status === 200) {
            const page = JSON.parse(body);
            all.push(...page);
            if (page.length < 100) return all;
        } else {
            await sleep(5);
        }
    }
}

// ---- subscriptions: every tenth target is asked ----

const ids = new Map(); // by number, of those that are
// Until the hub says that it is there; what was asked of one that was killed may be done or not.
async function subscribe(n) {
    for (;; await sleep(5)) {
        const { status, body } = await ask("POST", "/hooks", JSON.stringify({
            event: `shop${n}.order`, target_url: `${url}/${n}`, proof: n % 10 === 0 ? "echo" : "none",
        }));
        if (status === 201) return ids.set(n, JSON.parse(body).id);
        if (status === 409) return ids.set(n, (await list(`topic=shop${n}.order`))[0].id);
        assert.ok(status === 0 || status === 503, `a subscription was answered ${status}`);
    }
}
async function unsubscribe(n) {
    const id = ids.get(n);
    ids.delete(n); // what is published from here on may arrive or not
    for (;; await sleep(5)) {
        const { status } = await ask("DELETE", `/hooks/${id}`);
        if (status === 204 || status === 404) return;
        assert.ok(status === 0 || status === 503, `an end was answered ${status}`);
    }
}
async function for_all(numbers, f) {
    const left = [...numbers];
    await Promise.all(Array.from({ length: at_once }, async () => {
        while (left.length > 0) await f(left.pop());
    }));
}

await start_hub();
await for_all(Array.from({ length: count }, (_, n) => n), subscribe);
await until(() => questions.size === count / 10, () => `only ${questions.size} were asked`);
while ((await list("state=pending")).length > 0) await sleep(5);
const asked = new Map(questions);

// ---- publishing, ending and beginning, while the hub is killed ----

let owed = []; // [n, its id, text]: the hub said that it had taken it
const unowed = []; // [n, text]: published behind the end of the subscription
let next = 0;
let going = true;
const publish = (n, text) => ask("POST", `/topics/shop${n}.order`, text, "text/plain");
async function publish_on() {
    while (going) {
        const n = random(count);
        const text = `event ${++next}`;
        const id = ids.get(n);
        const { status } = await publish(n, text);
        // Between its beginning and its end only.
        if (status === 202 && id !== undefined && ids.get(n) === id) owed.push([n, id, text]);
        if (status !== 202) await sleep(5);
    }
}
const changing = new Set();
async function change_on() {
    while (going) {
        const n = random(count);
        if (n % 10 === 0 || changing.has(n)) { // those that have agreed stay
            await sleep(1);
            continue;
        }
        changing.add(n);
        if (!ids.has(n)) await subscribe(n);
        else {
            await unsubscribe(n);
            const text = `event ${++next}`;
            if ((await publish(n, text)).status === 202) unowed.push([n, text]);
        }
        changing.delete(n);
    }
}

const ends = [...Array.from({ length: 4 }, publish_on), change_on(), change_on()];
for (let i = 0; i < kills; ++i) {
    const enough = owed.length + 200 + random(200);
    await until(() => owed.length >= enough, () => `${enough} events were taken`);
    await kill_hub();
    await start_hub();
}
going = false;
await Promise.all(ends);

// What was owed to a subscription that was ended before it arrived ended with it.
owed = owed.filter(([n, id]) => ids.get(n) === id);
const there = (n, text) => (arrived.get(`/${n}`) ?? []).includes(text);
const missing = () => owed.filter(([n, , text]) => !there(n, text));
await until(() => missing().length === 0, () => `these arrive: ${missing().slice(0, 20).join("; ")}`);
const listed = new Map((await list()).map((h) => [h.id, h]));
for (const [n, id] of ids) {
    assert.ok(listed.has(id), `the subscription of ${n} is gone`);
    assert.equal(listed.get(id).state, "active");
}
assert.equal(listed.size, ids.size, "subscriptions that were ended are there");
const wrong = unowed.filter(([n, text]) => there(n, text));
assert.deepEqual(wrong, [], "events arrived at subscriptions that were ended");
assert.deepEqual(questions, asked, "a target was asked again");

console.log(`hub with ${count} subscriptions killed ${kills} times: ${owed.length} events taken, ` +
    `${unowed.length} behind an end; it began within ${Math.round(slowest)} ms`);
await kill_hub();
agent.destroy();
targets.close();
rmSync(folder, { recursive: true });
process.exit(0);
