// SPDX-License-Identifier: BSL-1.0
// What the hub says of the file that keeps its events: a damaged one, and one that cannot grow.
//
//     node hub_store.mjs HUB_PROGRAM
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { start_program, stop } from "./running.mjs";

const [program] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "tidings-hub."));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const anywhere = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", folder];
const file = join(folder, "hub.db");

async function start(args = [], ...shell) {
    const [command, ...rest] = [...shell, program, ...anywhere, ...args];
    const running = start_program(command, rest);
    const hub = await running.line("hub: listening on ");
    const admin = await running.line("hub: admin on ");
    return { running, hub, admin };
}
const post = (hub, data) => fetch(`${hub}/topics/a`, {
    method: "POST", body: data, headers: { "Content-Type": "text/plain" },
});
async function ready(admin) {
    const answer = await fetch(`${admin}readyz`);
    return { status: answer.status, text: await answer.text() };
}

{
    const { running, hub, admin } = await start();
    assert.equal((await ready(admin)).status, 200);
    for (let i = 0; i < 20; ++i) assert.equal((await post(hub, "x".repeat(10_000))).status, 202);
    const metrics = await (await fetch(`${admin}metrics`)).text();
    const value = (name) => Number(metrics.match(new RegExp(`^tidings_${name} (\\d+)$`, "m"))?.[1]);
    assert.ok(value("store_file_bytes") > 0 && value("store_log_bytes") > 200_000);
    assert.ok(value("store_disk_free_bytes") > 0 && value("store_commit_p99_microseconds") > 0);
    assert.equal(value("webhook_owed"), 0);
    assert.equal(value("webhook_oldest_owed_seconds"), 0);
    await stop(running);
    console.log("ok    the metrics have the file");
}
{
    const keys = join(folder, "keys");
    const key_file = (...all) => writeFileSync(keys, all.map((k) => k.toString("base64")).join("\n"));
    const [old_key, new_key] = [randomBytes(32), randomBytes(32)];
    key_file(old_key);
    await stop((await start(["--key-file", keys])).running);
    key_file(new_key, old_key);
    await stop((await start(["--key-file", keys])).running);
    console.log("ok    the file is opened with its keys");
}
{
    const bytes = readFileSync(file);
    bytes.fill(0xff, 4096, 40960);
    writeFileSync(file, bytes);
    const refusing = start_program(program, anywhere, { stdio: ["ignore", "pipe", "pipe"] });
    assert.equal(await refusing.exit, 1);
    assert.match(refusing.text(), /damaged/);
    assert.deepEqual(readFileSync(file), bytes);

    for (const args of [["--on-damaged", "set-aside"], []]) {
        const { running, hub, admin } = await start(args);
        const { status, text } = await ready(admin);
        assert.equal(status, 503);
        assert.match(JSON.parse(text).detail, /hub\.db\.damaged-1$/);
        assert.equal((await post(hub, "x")).status, 202);
        if (args.length === 0) renameSync(`${file}.damaged-1`, join(folder, "looked_at"));
        assert.equal((await ready(admin)).status, args.length === 0 ? 200 : 503);
        await stop(running);
    }
    console.log("ok    a damaged file is refused, or set aside until it was looked at");
}
{
    // 512 bytes each: the log of the file ends at 4 MiB. A full disk would be refused before it fails.
    const { running, hub, admin } = await start([], "/bin/sh", "-c",
        'trap "" XFSZ; ulimit -f 8192; exec "$0" "$@"');
    let answer;
    for (let i = 0; i < 100 && (!answer || answer.status === 202); ++i)
        answer = await post(hub, "x".repeat(1_000_000));
    assert.ok(answer.status >= 500, `refused with ${answer.status}`);
    const { status, text } = await ready(admin);
    assert.equal(status, 503);
    assert.match(text, /store/i);
    assert.equal((await fetch(`${admin}livez`)).status, 200);
    running.child.kill("SIGINT");
    await running.exit;
    const again = await start();
    assert.equal((await ready(again.admin)).status, 200);
    assert.equal((await post(again.hub, "x")).status, 202);
    await stop(again.running);
    console.log("ok    a store that failed is told by /readyz until a restart");
}
