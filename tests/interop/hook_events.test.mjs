// SPDX-License-Identifier: BSL-1.0
// What REST hooks deliver, read by the package `cloudevents`.
//
//     node hook_events.test.mjs PROGRAM
import { strict as assert } from "node:assert";
import { after, before, describe, test } from "node:test";
import { HTTP } from "cloudevents";
import { serve_hooks, token } from "./serving_hooks.mjs";

describe("what REST hooks deliver", { timeout: 180_000 }, () => {
    let hooks;
    before(async () => {
        hooks = await serve_hooks(process.argv[2], { "hooks.zapier.com": () => ({ status: 200 }) });
    });
    after(() => hooks.end());

    for (const content_mode of ["binary", "structured", "batch"]) {
        test(`is read in the mode ${content_mode}`, async () => {
            const path = `/${content_mode}`;
            const made = await fetch(`${hooks.url}/zapier`, {
                method: "POST",
                headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
                body: JSON.stringify({
                    topics: [`orders.${content_mode}.>`], content_mode,
                    target_url: `https://hooks.zapier.com${path}`,
                }),
            });
            assert.equal(made.status, 201);
            const topic = `orders.${content_mode}.paid`;
            const receipt = await hooks.publish(topic, { total: 99, note: "zwölf €" });
            assert.equal(receipt.matched, 1);
            const { headers, body } = await hooks.arrival(path);
            const read = HTTP.toEvent({ headers, body });
            const events = Array.isArray(read) ? read : [read];
            assert.equal(Array.isArray(read), content_mode === "batch");
            assert.equal(events.length, 1);
            const [event] = events;
            assert.ok(event.validate());
            assert.equal(event.id, receipt.id);
            assert.equal(event.topic, topic);
            assert.equal(event.specversion, "1.0");
            assert.equal(event.datacontenttype, "application/json");
            assert.deepEqual(event.data, { total: 99, note: "zwölf €" });
        });
    }
});
