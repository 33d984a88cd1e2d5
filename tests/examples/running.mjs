// SPDX-License-Identifier: BSL-1.0
// Programs started by the tests of the examples.
import { spawn } from "node:child_process";
import { strict as assert } from "node:assert";
import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const children = [];
process.on("exit", () => children.forEach((c) => c.kill("SIGKILL")));

// A child and what it printed; `line(prefix, from)` waits for the rest of the first line at or
// after the place `from` of its output, `exit` for its end.
export function start_program(program, args = [], { env = {}, ...options } = {}) {
    const child = spawn(program, args, {
        stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...env }, ...options,
    });
    children.push(child);
    let text = "";
    const waiting = new Set();
    for (const stream of [child.stdout, child.stderr]) {
        stream?.setEncoding("utf8").on("data", (more) => {
            text += more;
            waiting.forEach((look) => look());
        });
    }
    const exit = new Promise((done) => child.on("close", (code, signal) => done(code ?? signal)));
    const line = (prefix, from = 0) =>
        new Promise((found, failed) => {
            const look = () => {
                const lines = text.slice(from).split("\n").slice(0, -1);
                const hit = lines.find((l) => l.startsWith(prefix));
                if (hit === undefined) return;
                waiting.delete(look);
                found(hit.slice(prefix.length));
            };
            waiting.add(look);
            look();
            exit.then((code) => failed(new Error(`ended with ${code} without "${prefix}":\n${text}`)));
        });
    return { child, exit, line, text: () => text };
}

export async function stop(running) {
    running.child.kill("SIGINT");
    assert.equal(await running.exit, 0, "it ends with 0 on Ctrl-C");
}

// The TCP port of 127.0.0.1 on which a process listens, as the system shows it: the program need not.
export async function listening_port({ child }) {
    for (; child.exitCode === null && child.signalCode === null; await sleep(20)) {
        const fds = `/proc/${child.pid}/fd`;
        const opened = new Set(readdirSync(fds).map((fd) => {
            try {
                return readlinkSync(`${fds}/${fd}`);
            } catch {
                return ""; // closed since
            }
        }));
        // proc(5): local address, remote address, state (0A: listening), ..., inode.
        for (const row of readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1)) {
            const [, local, , state, , , , , , inode] = row.trim().split(/ +/);
            if (state === "0A" && opened.has(`socket:[${inode}]`)) {
                const [address, port] = local.split(":");
                assert.equal(address, "0100007F", "it listens on 127.0.0.1 only");
                return parseInt(port, 16);
            }
        }
    }
    throw new Error("it has ended and never listened");
}
