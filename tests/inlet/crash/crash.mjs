// SPDX-License-Identifier: BSL-1.0
// Kills the client's process and the server's at random moments, with SIGKILL, and starts them
// anew: nothing is missed, at most the last batch comes twice; what a server has lost is announced.
//
//     node crash.mjs CRASH_PROGRAM KIND
import { strict as assert } from "node:assert";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { start_program } from "../../examples/running.mjs";
import { random } from "../../support/random_moments.mjs";

const [, , program, kind] = process.argv;
const events = 240;
const part = 36; // of the events, between two kills
const batch = 8; // of the program

class scene {
    constructor(durable) {
        this.folder = mkdtempSync(join(tmpdir(), "tidings-crash-"));
        this.file = (name) => join(this.folder, name);
        this.hub_args = ["hub", this.file("s"), ...(durable ? [this.file("log")] : [])];
        this.bridge_args = ["bridge", kind, this.file("s"), this.file("position"),
            this.file("accepted")];
        this.restarts = []; // of the bridge: how many lines were accepted by then
        this.reposted = 0;
        this.published = 0;
        this.limit = 0;
    }
    async start() {
        await this.start_hub();
        this.start_bridge();
    }
    async start_hub() {
        this.hub = start_program(program, this.hub_args);
        await this.hub.line("ready");
    }
    start_bridge() {
        this.bridge = start_program(program, this.bridge_args);
    }
    async kill(running) {
        running.child.kill("SIGKILL");
        assert.equal(await running.exit, "SIGKILL");
    }
    async restart_bridge() {
        await this.kill(this.bridge);
        this.restarts.push(this.lines().length);
        this.start_bridge();
    }
    lines() {
        const path = this.file("accepted");
        return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
    }
    async until(condition, what) {
        for (let i = 0; i < 30000; ++i, await sleep(2)) if (condition()) return;
        throw new Error(`never: ${what}; accepted so far: ${this.lines().slice(-20)}`);
    }
    // Publishes until it is accepted: a hub that was killed may have had it.
    async publish(n) {
        for (;; ++this.reposted) {
            const status = await new Promise((done) => {
                const r = request({
                    socketPath: this.file("s"), method: "POST", path: "/topics/a",
                    headers: { "Content-Type": "text/plain" },
                }, (answer) => answer.resume().on("end", () => done(answer.statusCode)));
                r.on("error", () => done(0)).end(String(n));
            });
            if (status === 202) return;
            await sleep(5);
        }
    }
    // Publishes all events, none beyond the limit.
    async publish_all() {
        while (this.published < events) {
            if (this.published < this.limit) await this.publish(++this.published);
            else await sleep(1);
        }
    }
    // The next random moment: while some of what may be published by then is on its way.
    async moment(number) {
        this.limit = (number + 1) * part;
        const at = number * part + 1 + random(part);
        await this.until(() => this.lines().length >= at, `${at} lines`);
    }
    async end() {
        await this.kill(this.bridge);
        await this.kill(this.hub);
        rmSync(this.folder, { recursive: true });
    }
}

// No number comes before its predecessor, unless a gap announces it; returns how many came again.
function check_order(lines) {
    let last = 0;
    let again = 0;
    let announced = false;
    for (const line of lines) {
        if (line === "gap") {
            announced = true;
            continue;
        }
        const n = Number(line);
        assert.ok(n <= last + 1 || announced, `${n} comes after ${last}: ${lines}`);
        if (n <= last) ++again;
        last = Math.max(last, n);
        announced = false;
    }
    assert.equal(last, events);
    return again;
}

async function client_is_killed() {
    const s = new scene(false);
    await s.start();
    const published = s.publish_all();
    for (let kills = 0; kills < 6; ++kills) {
        await s.moment(kills);
        await s.restart_bridge();
    }
    s.limit = events;
    await published;
    await s.until(() => s.lines().includes(String(events)), "the last event");
    const lines = s.lines();
    assert.ok(!lines.includes("gap"));
    const again = check_order(lines);
    for (const at of s.restarts) {
        const back = Number(lines[at - 1]) + 1 - Number(lines[at]);
        assert.ok(back >= 0 && back <= batch, `${back} came again at line ${at}: ${lines}`);
    }
    console.log(`${kind}: client killed 6 times, ${events} events, ${again} came twice`);
    await s.end();
}

async function server_loses_its_history() {
    const s = new scene(false);
    await s.start();
    const gaps = () => s.lines().filter((line) => line === "gap").length;
    for (let kills = 0; kills < 4; ++kills) {
        for (const at = s.published + 5 + random(40); s.published < at;)
            await s.publish(++s.published);
        await s.until(() => s.lines().length > kills, "an event of this hub");
        await s.kill(s.hub);
        await s.start_hub();
        await s.until(() => gaps() === kills + 1, `gap ${kills + 1}`);
    }
    s.limit = events;
    await s.publish_all();
    await s.until(() => s.lines().includes(String(events)), "the last event");
    const again = check_order(s.lines());
    assert.equal(again, 0);
    assert.equal(gaps(), 4);
    console.log(`${kind}: server lost its history 4 times, a gap each time`);
    await s.end();
}

async function both_are_killed() {
    const s = new scene(true);
    await s.start();
    const published = s.publish_all();
    for (let kills = 0; kills < 6; ++kills) {
        await s.moment(kills);
        const hub_is_back = kills % 3 === 0 ? null : s.kill(s.hub).then(() => s.start_hub());
        if (kills % 3 !== 1) await s.restart_bridge();
        await hub_is_back;
    }
    s.limit = events;
    await published;
    await s.until(() => s.lines().includes(String(events)), "the last event");
    const lines = s.lines();
    assert.ok(!lines.includes("gap"), `a gap: ${lines}`);
    const again = check_order(lines);
    assert.ok(again <= s.restarts.length * batch + s.reposted, `${again} came again: ${lines}`);
    console.log(`${kind}: both killed, ${events} events, ${again} came twice, ` +
        `${s.reposted} published again`);
    await s.end();
}

await client_is_killed();
await server_loses_its_history();
await both_are_killed();
process.exit(0);
