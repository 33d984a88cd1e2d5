// SPDX-License-Identifier: BSL-1.0
// What docs/rest-hooks.md has its reader type, as it stands there.
//
//     node curl.test.mjs PROGRAM
import { strict as assert } from "node:assert";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { assert_signed } from "../examples/receive_hooks.mjs";
import { serve_hooks } from "./serving_hooks.mjs";

const page = readFileSync(new URL("../../docs/rest-hooks.md", import.meta.url), "utf8");
const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block);

describe("docs/rest-hooks.md", { timeout: 180_000 }, () => {
    // A target that wants every subscription.
    const agreeing = ({ headers }) => ({
        status: 200,
        fields: headers["x-hook-secret"] ? { "x-hook-secret": headers["x-hook-secret"] } : {},
    });
    let hooks, home;
    before(async () => {
        hooks = await serve_hooks(process.argv[2], { "example.com": agreeing });
        // The page's server has a fixed port, this one a port of the system's.
        home = mkdtempSync(join(tmpdir(), "curl-"));
        writeFileSync(join(home, ".curlrc"),
            `silent\nshow-error\nnoproxy = "*"\nconnect-to = "127.0.0.1:8080:127.0.0.1:${hooks.port}"\n`);
    });
    after(async () => {
        rmSync(home, { recursive: true });
        await hooks.end();
    });

    // Types what the block has, and waits until the target has agreed to what that made.
    async function subscribe(block) {
        const { stdout } = await promisify(execFile)("sh", ["-euc", block],
            { env: { ...process.env, CURL_HOME: home } });
        const made = JSON.parse(stdout);
        assert.equal(made.state, "pending");
        assert.deepEqual(made.topics, ["orders.>"]);
        let shown;
        do [, shown] = await hooks.get(`/hooks/${made.id}`);
        while (shown.state === "pending" && !shown.reason);
        assert.equal(shown.state, "active");
        assert.equal(shown.secret, undefined);
        return made;
    }
    // What is delivered first of a subscription.
    async function first_delivery({ id }) {
        for (let n = 0; ; ++n) {
            const came = await hooks.arrival("/hook", n);
            if (came.headers["x-hook-subscription"] === id && !came.headers["x-hook-secret"]) return came;
        }
    }

    test("one curl subscribes a target", async () => {
        assert.equal(blocks.length, 2, "each block of sh has its test");
        const made = await subscribe(blocks[0]);
        assert.ok((await hooks.arrival("/hook")).headers["x-hook-secret"]);

        assert.equal((await hooks.publish("orders.42.created", { total: 99 })).matched, 1);
        assert.equal((await hooks.publish("invoices.1", {})).matched, 0);
        const came = await first_delivery(made);
        assert.equal(came.body, '{"total":99}');
        assert_signed(came, made.secret);
    });

    test("with filters it gets what all of them want", async () => {
        const made = await subscribe(blocks[1]);
        await hooks.publish("orders.42.changed", { state: "open" });
        await hooks.publish("orders.42.changed", { state: "paid" });
        const came = await first_delivery(made);
        assert.equal(came.body, '{"state":"paid"}');
        assert_signed(came, made.secret);
    });
});
