// SPDX-License-Identifier: BSL-1.0
// The hub as a process: signals at its first line, and logs that nobody reads.
//
//     node hub_life.mjs HUB_PROGRAM
import { execFileSync } from "node:child_process";
import { strict as assert } from "node:assert";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { start_program, stop } from "./running.mjs";

const [program] = process.argv.slice(2);
const anywhere = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
const folder = mkdtempSync(join(tmpdir(), "tidings-hub."));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const ceiling = setTimeout(() => {
    console.error("not done after 60 s");
    process.exit(1);
}, 240_000);

for (let i = 0; i < 30; ++i) {
    const running = start_program(program, anywhere);
    await running.line("hub: listening on ");
    running.child.kill("SIGTERM");
    assert.equal(await running.exit, 0, `start ${i}: SIGTERM at the first line drains`);
    assert.match(running.text(), /^hub: drained$/m);
}
console.log("ok    30 of 30 SIGTERMs at the first line drain");

// The hub with its log in a named pipe, of which the test holds the other end.
const fifo = join(folder, "log");
execFileSync("mkfifo", [fifo]);
async function start_with_log(...args) {
    const log = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
    const running = start_program("/bin/sh", ["-c", 'exec "$0" "$@" 2>"$LOG"', program, ...anywhere, ...args],
        { env: { LOG: fifo } });
    const hub = await running.line("hub: listening on ");
    const admin = await running.line("hub: admin on ");
    // One warning: a webhook whose signature is wrong.
    const warn = async () => {
        const answer = await fetch(`${hub}/in/github`, {
            method: "POST", body: "{}", headers: { "X-Hub-Signature-256": `sha256=${"0".repeat(64)}` },
        });
        assert.equal(answer.status, 401);
    };
    return { running, log, hub, admin, warn };
}

// Everything that is in the pipe now.
function read_all(log) {
    const bytes = Buffer.alloc(1 << 20);
    let text = "";
    for (;;) {
        try {
            text += bytes.toString("utf8", 0, readSync(log, bytes));
        } catch (error) {
            assert.equal(error.code, "EAGAIN");
            return text;
        }
    }
}

{
    const { running, log, warn } = await start_with_log();
    closeSync(log);
    for (let i = 0; i < 3; ++i) await warn();
    await stop(running);
    console.log("ok    a log that nobody holds any more ends nothing");
}
{
    const { running, log, admin, warn } = await start_with_log();
    for (;;) { // until not a byte finds room
        try {
            writeSync(log, "x".repeat(4096));
        } catch (error) {
            assert.equal(error.code, "EAGAIN");
            break;
        }
    }
    for (let i = 0; i < 5; ++i) await warn();
    const metrics = await (await fetch(`${admin}metrics`)).text();
    assert.match(metrics, /^tidings_log_lines_dropped_total 5$/m);
    read_all(log);
    await warn();
    assert.match(read_all(log), /^warning hub: 5 lines were dropped.*\nwarning webhook: signature refused/);
    await stop(running);
    closeSync(log);
    console.log("ok    a full log drops and counts, and the hub answers");
}
for (const [level, seen] of [["warning", true], ["error", false], ["off", false]]) {
    const { running, log, warn } = await start_with_log("--log-level", level);
    await warn();
    assert.equal(read_all(log).includes("signature refused"), seen, `--log-level ${level}`);
    await stop(running);
    closeSync(log);
}
console.log("ok    --log-level says what is logged");

// A web site whose name was rebound to this machine reads nothing of the admin listener. The server
// applies the rule, where it has it.
const server = new URL("../../include/tidings/http/server.hpp", import.meta.url);
if (readFileSync(server, "utf8").includes("allowed_hosts")) {
    const running = start_program(program, anywhere);
    const admin = new URL(await running.line("hub: admin on "));
    for (const path of ["/", "/status", "/metrics", "/livez", "/readyz", "/ws", "/events?topic=a"]) {
        for (const [host, refused] of [["evil.example", true], [admin.host, false]]) {
            const headers = path !== "/ws" ? { Host: host } : {
                Host: host, Connection: "Upgrade", Upgrade: "websocket",
                "Sec-WebSocket-Version": 13, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            };
            const status = await new Promise((got, failed) => request({
                host: admin.hostname, port: admin.port, path, headers,
            }, (answer) => {
                got(answer.statusCode);
                answer.destroy();
            }).on("upgrade", (answer, socket) => {
                got(answer.statusCode);
                socket.destroy();
            }).on("error", failed).end());
            assert.equal(status === 421, refused, `${path} of ${host}: ${status}`);
        }
    }
    await stop(running);
    console.log("ok    the admin listener refuses a foreign Host");
}
clearTimeout(ceiling);
