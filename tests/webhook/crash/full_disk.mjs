// SPDX-License-Identifier: BSL-1.0
// A hub whose file lies on a tmpfs of 6 MiB: when that is full it takes nothing more and says so.
// Started anew where there is room, it delivers all that it had taken.
//
//     node full_disk.mjs WEBHOOK_CRASH_PROGRAM
//
// Needs a kernel that lets this user have a file system of its own (unshare -rm); without it exits 77.
import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { start_program } from "../../examples/running.mjs";

const program = process.argv[2];
if (spawnSync("unshare", ["-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]).status !== 0) process.exit(77);
const folder = mkdtempSync(join(tmpdir(), "tidings-full."));
const started = []; // not children of this process
process.on("exit", () => {
    for (const pid of started) {
        try {
            process.kill(pid, "SIGKILL");
        } catch {
            // it has ended
        }
    }
    rmSync(folder, { recursive: true, force: true });
});
const socket = join(folder, "s");

// While the disk fills up nothing is delivered.
let open = false;
const arrived = { any: new Set(), fifo: new Set(), batch: new Set() };
const receiver = createServer((req, res) => {
    let body = "";
    req.on("data", (piece) => (body += piece));
    req.on("end", () => {
        if (!open) return res.writeHead(503, { "Retry-After": "1" }).end();
        const name = req.url.slice(1);
        for (const text of name === "batch" ? JSON.parse(body).map((e) => e.data) : [body])
            arrived[name].add(text.slice(0, text.indexOf(" ")));
        res.writeHead(204).end();
    });
});
await new Promise((done) => receiver.listen(0, "127.0.0.1", done));
const url = `http://127.0.0.1:${receiver.address().port}`;

// The file system goes with the shell that made it: what ends is started anew in there, with room.
const hub = start_program("unshare", ["-rm", "sh", "-c", `
    mkdir "$1/disk" && mount -t tmpfs -o size=6m tmpfs "$1/disk" || exit 1
    "$0" "$1/disk/hub.db" "$2" "$3" & echo "hub $!"
    wait $!
    mount -o remount,size=64m "$1/disk" || exit 1
    "$0" "$1/disk/hub.db" "$2" "$3" & echo "again $!"
    wait $!`, program, folder, socket, url]);
const started_hub = async (name) => {
    started.push(Number(await hub.line(`${name} `)));
    return started.at(-1);
};
const first = await started_hub("hub");
await hub.line("ready");

const post = (n) => new Promise((done) => {
    const r = request({
        socketPath: socket, method: "POST", path: "/topics/b", headers: { "Content-Type": "text/plain" },
    }, (answer) => answer.resume().on("end", () => done(answer.statusCode)));
    r.on("error", () => done(0)).end(`${n} ${"x".repeat(100_000)}`);
});
const taken = [];
let refused = 0;
for (let n = 1; n <= 200 && refused < 3; ++n) {
    const status = await post(n);
    if (status === 202) assert.equal(refused, 0, "a store that failed took an event");
    if (status === 202) taken.push(String(n));
    else ++refused;
    if (status !== 202) assert.ok(status >= 500, `refused with ${status}`);
}
assert.equal(refused, 3, "6 MiB took 20 MB");
assert.ok(taken.length > 5);

open = true;
process.kill(first, "SIGKILL");
const again = await started_hub("again");
const missing = () => Object.values(arrived).flatMap((a) => taken.filter((n) => !a.has(n)));
for (let i = 0; i < 3000 && missing().length !== 0; ++i) await new Promise((done) => setTimeout(done, 10));
assert.deepEqual(missing(), []);
process.kill(again, "SIGKILL");
await hub.exit;
receiver.close();
console.log(`a full disk: ${taken.length} events taken, all delivered behind a restart`);
process.exit(0);
