// SPDX-License-Identifier: BSL-1.0
// examples/run.sh as its reader runs it, but on ports of the system's: node live.mjs DIR, where DIR
// holds the built hub and hub_observer.
import { strict as assert } from "node:assert";
import { randomUUID } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync,
         writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { guid } from "../../examples/hub/github.mjs";
import { repository } from "./repository.mjs";
import { start_program } from "./running.mjs";

const bin = resolve(process.argv[2]);
const script = new URL("../../examples/run.sh", import.meta.url).pathname;
const routes = ["bus", "websocket", "sse", "webhook", "rest_hook"];
const work = mkdtempSync(join(tmpdir(), "tidings-live."));
const temporary = join(work, "tmp"); // where run.sh puts what it needs
mkdirSync(temporary);

// Whatever it starts inherits this variable, in whatever session: so what is left can be found.
const mark = `TIDINGS_LIVE_TEST=${randomUUID()}`;
function left_behind() {
    return readdirSync("/proc").filter((pid) => /^\d+$/.test(pid)).filter((pid) => {
        try {
            return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(mark);
        } catch {
            return false; // gone, or another user's
        }
    });
}
process.on("exit", () => {
    for (const pid of left_behind()) process.kill(Number(pid), "SIGKILL");
    rmSync(work, { recursive: true, force: true });
});

let latest;
function start(...args) {
    const [name, value] = mark.split("=");
    return latest = start_program(script, args, {
        stdio: ["ignore", "pipe", "pipe"],
        env: { [name]: value, TMPDIR: temporary, GIT_CEILING_DIRECTORIES: work },
    });
}

// Waits for one printed line on every route with this type and (where given) id.
async function on_every_route(running, type, id = "") {
    const line = new RegExp(`^\\d\\d:\\d\\d:\\d\\d  (\\S+) +${type} +${id || "\\S+"}  [0-9a-f]{12}$`);
    for (;;) {
        const printed = running.text().split("\n").slice(0, -1).map((one) => line.exec(one)?.[1]);
        if (routes.every((route) => printed.includes(route))) {
            for (const route of id ? routes : []) {
                assert.equal(printed.filter((one) => one === route).length, 1, `${id} on ${route}`);
            }
            return;
        }
        assert.equal(running.child.exitCode, null, `no ${type} ${id} on each route:\n${running.text()}`);
        await sleep(50);
    }
}

async function ended(running, status) {
    assert.equal(await running.exit, status, running.text());
    assert.deepEqual(left_behind(), [], "no process is left");
    assert.deepEqual(readdirSync(temporary), [], "no file is left");
}

const checks = {
    async "a repository's commits, the load, the page; and Ctrl-C drains"() {
        const shop = new repository(join(work, "shop"));
        const first = shop.commit("First", { "a.txt": "1\n" });
        const running = start("--bin", bin, "--port", "0", "--repository", shop.folder);
        const hub = (await running.line("  hub   ")).trim();
        const page = (await running.line("  page  ")).trim();
        for (const url of [hub, page]) assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/?$/);
        const answer = await fetch(page);
        assert.equal(answer.status, 200);
        assert.match(await answer.text(), /<title>tidings hub<\/title>/);

        await running.line("history: 1 commits of local/shop");
        await on_every_route(running, "com.github.push", guid(`push ${first}`));
        await on_every_route(running, "com.example.machine.load");
        const second = shop.commit("Second", { "a.txt": "2\n" });
        await on_every_route(running, "com.github.push", guid(`push ${second}`));

        // It stays; and what was accepted before Ctrl-C still comes by every route.
        assert.equal(running.child.exitCode, null);
        const id = randomUUID();
        const accepted = await fetch(`${hub}/topics/orders.42.created`, {
            method: "POST", body: '{"total":99}', headers: {
                "Content-Type": "application/json", "ce-specversion": "1.0", "ce-id": id,
                "ce-source": "/shop", "ce-type": "com.acme.order.created",
            },
        });
        assert.equal(accepted.status, 202);
        running.child.kill("SIGINT");
        await ended(running, 0);
        await on_every_route(running, "com.acme.order.created", id);
        assert.match(running.text(), /^run\.sh: the hub has drained$/m);
    },

    async "no repository: it says so and plays recorded payloads; SIGTERM ends it, too"() {
        mkdirSync(join(work, "plain"));
        const running = start("--bin", bin, "--port", "0", "--repository", join(work, "plain"));
        await running.line("history: no git history to read in this folder ");
        await running.line("history: playing ");
        await on_every_route(running, "com\\.github\\.(?!push)\\S+");
        running.child.kill("SIGTERM");
        await ended(running, 143);
    },

    async "an observer that dies is told, and ends everything"() {
        const running = start("--bin", bin, "--port", "0");
        await running.line("  page  ");
        const sse = left_behind().find((pid) =>
            readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("observe_sse.mjs"));
        process.kill(Number(sse), "SIGKILL");
        await ended(running, 1);
        assert.match(running.text(), /^run\.sh: sse has ended$/m);
    },

    async "a hub that does not start is told, with its words"() {
        const broken = join(work, "bin");
        mkdirSync(broken);
        symlinkSync(join(bin, "hub_observer"), join(broken, "hub_observer"));
        writeFileSync(join(broken, "hub"), "#!/bin/sh\necho 'hub: no such luck' >&2\nexit 3\n");
        chmodSync(join(broken, "hub"), 0o755);
        const running = start("--bin", broken, "--port", "0");
        await ended(running, 1);
        assert.match(running.text(), /^hub: no such luck$/m);
    },

    async "a port that is taken is named; what is no port is refused"() {
        const taken = net.createServer();
        await new Promise((listening) => taken.listen(0, "127.0.0.1", listening));
        const { port } = taken.address();
        const running = start("--bin", bin, "--port", String(port));
        await ended(running, 1);
        assert.match(running.text(), new RegExp(`^run\\.sh: port ${port} is taken; `, "m"));
        taken.close();
        for (const wrong of [["--port", "http"], ["--port", "65535"], ["--port"],
            ["--check", "--port", "0"], ["--repository", join(work, "nowhere")]]) {
            await ended(start("--bin", bin, ...wrong), 2);
        }
    },
};

setTimeout(() => {
    console.error(`live: not done after 150 s; the last said:\n${latest.text()}`);
    process.exit(1);
}, 400_000).unref();
for (const [name, check] of Object.entries(checks)) {
    await check();
    console.log(`ok    ${name}`);
}
process.exit(0);
