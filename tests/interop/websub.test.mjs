// SPDX-License-Identifier: BSL-1.0
// A WebSub subscriber, the package pubsubhubbub, at a hub of tidings.
//
//     node websub.test.mjs PROGRAM
import { strict as assert } from "node:assert";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import https from "node:https";
import { after, before, describe, test } from "node:test";
import express from "express";
import pubsubhubbub from "pubsubhubbub";
import { run_hooks } from "./serving_hooks.mjs";

const topic_url = (topic) => `https://hub.example.com/topics/${topic}`;

describe("a WebSub subscriber", { timeout: 180_000 }, () => {
    const app = express();
    let hooks;
    before(async () => {
        const server = https.createServer(app).listen(0, "127.0.0.1");
        await once(server, "listening");
        hooks = await run_hooks(process.argv[2], server);
    });
    after(() => hooks.end());

    // A client whose callback is at this path of a host of its own.
    function subscriber(path, options = {}) {
        const callbackUrl = `https://subscriber.example.com${path}`;
        const client = pubsubhubbub.createServer({ callbackUrl, ...options });
        const fed = [];
        client.on("feed", (feed) => fed.push(feed));
        app.use(path, client.listener());
        const request = (mode, topic) => new Promise((done) =>
            client[mode](topic_url(topic), `${hooks.url}/hub`, (error) => done(error)));
        return {
            client, fed, request,
            // Asks for it, and waits until the hub has verified that: what the client emits then.
            async verified(mode, topic) {
                const [error, [seen]] = await Promise.all([
                    request(mode, topic), once(client, mode)]);
                assert.equal(error, null);
                assert.equal(seen.topic, topic_url(topic));
                await until(async () => (await shown(topic)).length === Number(mode === "subscribe"));
                return seen;
            },
        };
    }
    async function until(holds) {
        while (!await holds()) await new Promise((later) => setImmediate(later));
    }
    // What stands of a topic, as its operator sees it.
    async function shown(topic) {
        const [, all] = await hooks.get("/zapier?state=active");
        return all.filter((s) => s.hub_topic === topic_url(topic));
    }

    test("subscribes, receives what is published, and unsubscribes", async () => {
        const { client, fed, verified } = subscriber("/feeds");
        const seen = await verified("subscribe", "orders.created");
        const lease = 10 * 24 * 3600;
        assert.ok(Math.abs(seen.lease - Date.now() / 1000 - lease) < 60, `${seen.lease}`);
        const came = once(client, "feed");
        assert.equal((await hooks.publish("orders.created", { total: 99 })).matched, 1);
        const [feed] = await came;
        assert.deepEqual(JSON.parse(feed.feed), { total: 99 });
        assert.equal(feed.topic, topic_url("orders.created"));
        assert.equal(feed.hub, "https://hub.example.com/hub");
        assert.equal(feed.headers["content-type"], "application/json");
        assert.equal(feed.headers.link, `<https://hub.example.com/hub>; rel="hub", ` +
            `<${topic_url("orders.created")}>; rel="self"`);
        await verified("unsubscribe", "orders.created");
        assert.equal((await hooks.publish("orders.created", {})).matched, 0);
        assert.equal(fed.length, 1);
    });

    test("gets as long a lease as it asks for", async () => {
        const { verified } = subscriber("/leased", { leaseSeconds: 3600 });
        const seen = await verified("subscribe", "orders.leased");
        assert.ok(Math.abs(seen.lease - Date.now() / 1000 - 3600) < 60, `${seen.lease}`);
        const [{ expiration_date }] = await shown("orders.leased");
        assert.ok(Math.abs(Date.parse(expiration_date) / 1000 - seen.lease) < 60, expiration_date);
    });

    test("verifies the signatures of what it receives", async () => {
        const { client, fed, verified } = subscriber("/signed", { secret: "of the client" });
        await verified("subscribe", "orders.signed");
        // This version gives the hub a secret that it derives, and verifies by the other one.
        const derived = createHmac("sha1", client.secret).update(topic_url("orders.signed"));
        client.secret = derived.digest("hex");
        const came = once(client, "feed");
        await hooks.publish("orders.signed", { total: 1 });
        const [feed] = await came;
        assert.match(feed.headers["x-hub-signature"], /^sha256=[0-9a-f]{64}$/);
        assert.deepEqual(JSON.parse(feed.feed), { total: 1 });
        assert.equal(fed.length, 1);
    });

    test("is refused in words for a topic that the hub does not have", async () => {
        const { request } = subscriber("/unknown");
        const error = await request("subscribe", "a..b");
        assert.match(error.message, /404/);
        assert.match(error.responseBody, /no such topic/);
    });
});
