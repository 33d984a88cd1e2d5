// SPDX-License-Identifier: BSL-1.0
// Kills a hub at random moments, with SIGKILL, and starts it on the same file: whatever it said that
// it had taken, and whatever a browser saw, arrives at every endpoint, under one id, and at the one
// with an order in that order. Clients that come back miss nothing.
//
//     node crash.mjs WEBHOOK_CRASH_PROGRAM [KILLS]
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { start_program } from "../../examples/running.mjs";
import { random } from "../../support/random_moments.mjs";

const [, , program, kills_given] = process.argv;
const kills = Number(kills_given ?? 20);
const publishers = 4; // at once
const watchers = 200; // half of them over SSE, half over WebSocket
const { WebSocket } = createRequire(new URL("../../../examples/hub/check/package.json", import.meta.url))("ws");

const folder = mkdtempSync(join(tmpdir(), "tidings-crash-"));
const socket = join(folder, "s");

// ---- endpoints: every seventh request is refused once ----

const arrived = { any: [], fifo: [], batch: [] }; // what was said to have arrived, in order
const there = { any: new Set(), fifo: new Set(), batch: new Set() }; // the same
const missing = { any: new Set(), fifo: new Set(), batch: new Set() }; // owed, and not there yet
const all_owed = new Set();
function owe(text) {
    if (all_owed.has(text)) return;
    all_owed.add(text);
    for (const name in missing) if (!there[name].has(text)) missing[name].add(text);
}
const ids = new Map();                            // of each event at each endpoint
const bodies = new Map();                         // of each id there
let requests = 0;
const receiver = createServer((req, res) => {
    let body = "";
    req.on("data", (piece) => (body += piece));
    req.on("end", () => {
        const name = req.url.slice(1);
        const texts = name === "batch" ? JSON.parse(body).map((e) => `${e.topic} ${e.data}`)
            : [`${req.headers["ce-topic"]} ${body}`];
        const id = req.headers["webhook-id"];
        for (const text of texts) {
            const known = ids.get(`${name} ${text}`) ?? id;
            assert.equal(id, known, `the id of ${text} at ${name} changed`);
            ids.set(`${name} ${text}`, id);
        }
        // The same id, the same events in the same order.
        assert.equal(bodies.get(`${name} ${id}`) ?? body, body, `the body of ${id} at ${name} changed`);
        bodies.set(`${name} ${id}`, body);
        if (++requests % 7 === 0) return res.writeHead(500).end();
        arrived[name].push(...texts);
        for (const text of texts) {
            there[name].add(text);
            missing[name].delete(text);
        }
        res.writeHead(204).end();
    });
});
await new Promise((done) => receiver.listen(0, "127.0.0.1", done));
const url = `http://127.0.0.1:${receiver.address().port}`;

// ---- the hub ----

let hub;
async function start_hub() {
    hub = start_program(program, [join(folder, "hub.db"), socket, url]);
    await hub.line("ready");
}
async function kill_hub() {
    hub.child.kill("SIGKILL");
    assert.equal(await hub.exit, "SIGKILL");
}

// ---- clients ----

// Comes back whenever its connection is torn, behind the last event that it has.
class watcher {
    constructor() {
        this.seen = [];
        this.last_id = "";
        this.ended = false;
        this.running = this.run();
    }
    async run() {
        while (!this.ended) {
            await this.connect();
            await sleep(5);
        }
    }
    // An event in CloudEvents JSON.
    take(e) {
        assert.ok(!e.type.startsWith("tidings."), `a client was told ${JSON.stringify(e)}`);
        const text = `${e.topic} ${e.data ?? Buffer.from(e.data_base64, "base64")}`;
        this.seen.push(text);
        owe(text);
    }
    async end() {
        this.ended = true;
        this.close();
        await this.running;
    }
}

class sse_watcher extends watcher {
    connect() {
        return new Promise((done) => {
            const headers = { Accept: "text/event-stream" };
            if (this.last_id) headers["Last-Event-ID"] = this.last_id;
            this.request = request({ socketPath: socket, path: "/events?topic=%3E", headers }, (res) => {
                let text = "";
                res.on("data", (piece) => {
                    text += piece;
                    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2))
                        this.take_block(text.slice(0, end));
                });
                res.on("end", done).on("error", done).on("close", done);
            });
            this.request.on("error", done).end();
        });
    }
    take_block(block) {
        let data = "";
        let name = "message";
        for (const line of block.split("\n")) {
            if (line.startsWith("id: ")) this.last_id = line.slice(4);
            if (line.startsWith("event: ")) name = line.slice(7);
            if (line.startsWith("data: ")) data += line.slice(6);
        }
        if (data === "") return;
        assert.equal(name, "message", `a client was told ${name}`);
        this.take(JSON.parse(data));
    }
    close() {
        this.request.destroy();
    }
}

class websocket_watcher extends watcher {
    connect() {
        return new Promise((done) => {
            const after = this.last_id === "" ? "" : `&after=${encodeURIComponent(this.last_id)}`;
            this.socket = new WebSocket(`ws+unix:${socket}:/ws?topic=%3E${after}`, "cloudevents.json");
            this.socket.on("message", (bytes) => {
                const e = JSON.parse(bytes);
                this.take(e);
                this.last_id = e.position;
            });
            this.socket.on("error", () => {}).on("close", done);
        });
    }
    close() {
        this.socket.terminate();
    }
}

// ---- publishers ----

const taken = []; // the hub said so
let next = 0;
let publishing = true;
async function publish_on() {
    while (publishing) {
        // The endpoint with an order takes one at a time: what it is owed stays far from its bounds.
        if (missing.fifo.size >= 1000) {
            await sleep(5);
            continue;
        }
        const n = ++next;
        const status = await new Promise((done) => {
            const r = request({
                socketPath: socket, method: "POST", path: "/topics/a",
                headers: { "Content-Type": "text/plain" },
            }, (answer) => answer.resume().on("end", () => done(answer.statusCode)));
            r.on("error", () => done(0)).end(String(n));
        });
        if (status === 202) {
            taken.push(`a ${n}`);
            owe(`a ${n}`);
        } else {
            await sleep(5);
        }
    }
}

async function until(condition, what) {
    for (let i = 0; i < 30000; ++i, await sleep(2)) if (condition()) return;
    throw new Error(`never: ${typeof what === "string" ? what : what()}`);
}

await start_hub();
const clients = Array.from({ length: watchers },
    (_, i) => (i % 2 === 0 ? new sse_watcher() : new websocket_watcher()));
const publishing_ends = Array.from({ length: publishers }, publish_on);
for (let i = 0; i < kills; ++i) {
    const enough = taken.length + 1 + random(40);
    await until(() => taken.length >= enough, `${enough} events were taken`);
    await sleep(random(4));
    await kill_hub();
    await start_hub();
}
publishing = false;
await Promise.all(publishing_ends);

for (const name of ["any", "fifo", "batch"])
    await until(() => missing[name].size === 0,
        () => `${missing[name].size} events at ${name}, first ${[...missing[name]].slice(0, 20)}`);

// Each client saw each event once since it first came, all of them in one order, and the endpoint with
// an order got them in that.
const order = [...new Set(arrived.fifo)];
assert.deepEqual([...new Set(arrived.batch)], order, "batches came in another order");
const whole = (c) => c.seen.at(-1) === order.at(-1) && c.seen.length > 0;
await until(() => clients.every(whole), "every client saw the last");
for (const c of clients) assert.deepEqual(c.seen, order.slice(order.indexOf(c.seen[0])));
const since = Math.max(...clients.map((c) => order.indexOf(c.seen[0])));
assert.ok(since < order.length / 2, `a client first came at event ${since} of ${order.length}`);

const most = Math.max(...[...bodies].map(([k, b]) => (k.startsWith("batch ") ? JSON.parse(b).length : 0)));
assert.ok(most > 1, "no batch had two events");
const again = arrived.fifo.length - order.length;
console.log(`hub killed ${kills} times: ${taken.length} events taken, ${order.length} in all, ` +
    `${again} came again in order, ${arrived.any.length - new Set(arrived.any).size} without`);
for (const c of clients) await c.end();
await kill_hub();
receiver.close();
rmSync(folder, { recursive: true });
process.exit(0);
