// SPDX-License-Identifier: BSL-1.0
// What vendors' packages sign, tidings takes; what tidings signs, vendors' packages take.
//
//     node interop.test.mjs PROGRAM
import { strict as assert } from "node:assert";
import { createHmac, randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { createRequire } from "node:module";
import express from "express";
import fastify from "fastify";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { sign as github_sign, verify as github_verify } from "@octokit/webhooks-methods";
import Stripe from "stripe";
import slack from "@slack/bolt";
import twilio from "twilio";
import "@shopify/shopify-api/adapters/node";
import { ApiVersion, shopifyApi } from "@shopify/shopify-api";
import { CloudEvent, HTTP } from "cloudevents";
import { start_program, stop } from "../examples/running.mjs";

const program = process.argv[2];
const key = "0123456789abcdef0123456789abcdef";
const secret = "whsec_" + randomBytes(32).toString("base64");
const stripe = new Stripe("sk_test_unused");
const shopify = shopifyApi({
    apiKey: "unused", apiSecretKey: key, hostName: "hooks.example.com", isEmbeddedApp: false,
    apiVersion: Object.values(ApiVersion).at(-1), logger: { log: () => {} },
});
const now = () => Math.floor(Date.now() / 1000);

describe("tidings receives what a vendor's package signs", () => {
    let receiver, url;
    before(async () => {
        receiver = start_program(program, ["receive", key, secret]);
        url = `http://127.0.0.1:${await receiver.line("ready ")}`;
    });
    after(() => stop(receiver));

    // Posts, expects the event of the program's next line, and that of a changed body 401.
    async function accepted(path, body, headers, { query = "", forged = 401 } = {}) {
        const from = receiver.text().length;
        const post = (b) => fetch(url + path + query, { method: "POST", body: b, headers });
        const refused = await post(body + " ");
        assert.equal(refused.status, forged, await refused.text());
        const answer = await post(body);
        assert.equal(answer.status, 202, await answer.text());
        const event = JSON.parse(await receiver.line("event ", from));
        assert.equal(event.path, path);
        const again = await post(body);
        assert.deepEqual([again.status, await again.json()], [202, { duplicate: true }]);
        return event;
    }

    test("standardwebhooks", async () => {
        const body = JSON.stringify({ type: "invoice.paid", timestamp: "2026-01-02T03:04:05Z", data: {} });
        const when = new Date();
        const event = await accepted("/standard", body, {
            "webhook-id": "msg_1",
            "webhook-timestamp": `${Math.floor(when.getTime() / 1000)}`,
            "webhook-signature": new StandardWebhook(secret).sign("msg_1", when, body),
            "content-type": "application/json",
        });
        assert.equal(event.id, "msg_1");
        assert.equal(event.topic, "invoice.paid");
        assert.equal(event.time, "2026-01-02T03:04:05Z");
        assert.equal(event.text, body);
    });

    test("svix", async () => {
        const when = new Date();
        const event = await accepted("/svix", "{}", {
            "svix-id": "msg_2",
            "svix-timestamp": `${Math.floor(when.getTime() / 1000)}`,
            "svix-signature": new SvixWebhook(secret).sign("msg_2", when, "{}"),
            "content-type": "application/json",
        });
        assert.equal(event.id, "msg_2");
    });

    for (const form of [false, true]) {
        test(`@octokit/webhooks-methods, ${form ? "form" : "JSON"}`, async () => {
            const json = JSON.stringify({ action: "opened", form, repository: { full_name: "octo/cat" } });
            const body = form ? new URLSearchParams({ payload: json }).toString() : json;
            const event = await accepted("/github", body, {
                "x-hub-signature-256": await github_sign(key, body),
                "x-github-event": "issues",
                "x-github-delivery": `guid-${form}`,
                "content-type": form ? "application/x-www-form-urlencoded" : "application/json",
            });
            assert.equal(event.topic, "github.issues.opened");
            assert.equal(event.source, "https://github.com/octo/cat");
            assert.equal(event.text, json);
        });
    }

    test("stripe", async () => {
        const body = JSON.stringify({ id: "evt_1", object: "event", type: "charge.succeeded", created: 1614265330 });
        const event = await accepted("/stripe", body, {
            "stripe-signature": stripe.webhooks.generateTestHeaderString({ payload: body, secret: key }),
            "content-type": "application/json",
        });
        assert.equal(event.id, "evt_1");
        assert.equal(event.topic, "stripe.charge.succeeded");
        assert.equal(event.time, "2021-02-25T15:02:10Z");
    });

    test("slack's signature, and its question for the URL", async () => {
        // The package verifies and does not sign: what it verifies is made here, and shown to it.
        const signed = (body) => {
            const timestamp = now();
            const code = createHmac("sha256", key).update(`v0:${timestamp}:${body}`).digest("hex");
            const headers = { "x-slack-signature": `v0=${code}`, "x-slack-request-timestamp": timestamp };
            assert.ok(slack.isValidSlackRequest({ signingSecret: key, body, headers }));
            return { ...headers, "x-slack-request-timestamp": `${timestamp}`, "content-type": "application/json" };
        };
        const question = JSON.stringify({ type: "url_verification", challenge: "c-1" });
        const answer = await fetch(`${url}/slack`, { method: "POST", body: question, headers: signed(question) });
        assert.deepEqual([answer.status, await answer.text()], [200, "c-1"]);
        const body = JSON.stringify({ type: "event_callback", event_id: "Ev1", team_id: "T1", event: { type: "app_mention" } });
        const event = await accepted("/slack", body, signed(body));
        assert.equal(event.topic, "slack.app_mention");
        assert.equal(event.id, "Ev1");
    });

    test("shopify's signature", async () => {
        const body = JSON.stringify({ order: 1 });
        const event = await accepted("/shopify", body, {
            "x-shopify-hmac-sha256": createHmac("sha256", key).update(body).digest("base64"),
            "x-shopify-topic": "orders/create",
            "x-shopify-shop-domain": "cats.myshopify.com",
            "x-shopify-webhook-id": "w-1",
            "content-type": "application/json",
        });
        assert.equal(event.topic, "shopify.orders.create");
    });

    test("twilio, form and JSON", async () => {
        const { getExpectedTwilioSignature, getExpectedBodyHash } =
            createRequire(import.meta.url)("twilio/lib/webhooks/webhooks.js");
        const params = { MessageSid: "SM1", Body: "100% Zoë + you", AccountSid: "AC1" };
        const event = await accepted("/twilio", new URLSearchParams(params).toString(), {
            "x-twilio-signature": getExpectedTwilioSignature(key, "https://hooks.example.com/twilio", params),
            "i-twilio-idempotency-token": "t-1",
            "content-type": "application/x-www-form-urlencoded",
        });
        assert.equal(event.topic, "twilio.message");
        assert.equal(event.id, "t-1");
        const body = JSON.stringify({ a: 1 });
        const query = `?x=y&bodySHA256=${getExpectedBodyHash(body)}`;
        assert.ok(twilio.validateRequestWithBody(key,
            getExpectedTwilioSignature(key, `https://hooks.example.com/twilio${query}`, {}),
            `https://hooks.example.com/twilio${query}`, body));
        await accepted("/twilio", body, {
            "x-twilio-signature": getExpectedTwilioSignature(key, `https://hooks.example.com/twilio${query}`, {}),
            "i-twilio-idempotency-token": "t-2",
            "content-type": "application/json",
        }, { query });
    });

    for (const mode of ["binary", "structured"]) {
        test(`cloudevents, ${mode}`, async () => {
            const sent = new CloudEvent({
                id: `ce-${mode}`, type: "com.acme.created", source: "/shop", subject: "100% plain",
                data: { total: 99 },
            });
            const message = HTTP[mode](sent);
            const from = receiver.text().length;
            const body = typeof message.body === "string" ? message.body : JSON.stringify(message.body);
            const answer = await fetch(`${url}/cloudevents`, { method: "POST", body, headers: message.headers });
            assert.equal(answer.status, 202, await answer.text());
            const event = JSON.parse(await receiver.line("event ", from));
            assert.equal(event.id, sent.id);
            assert.equal(event.subject, "100% plain");
            assert.deepEqual(JSON.parse(event.text), { total: 99 });
        });
    }

    test("cloudevents, batch", async () => {
        const sent = [1, 2].map((n) => new CloudEvent({
            id: `ce-batch-${n}`, type: "com.acme.created", source: "/shop", data: { n },
        }));
        const from = receiver.text().length;
        const answer = await fetch(`${url}/cloudevents`, {
            method: "POST", body: JSON.stringify(sent),
            headers: { "content-type": "application/cloudevents-batch+json" },
        });
        assert.deepEqual([answer.status, await answer.json()], [202, { accepted: 2, duplicates: 0 }]);
        await receiver.line("event ", from);
        const events = receiver.text().slice(from).trim().split("\n")
            .map((line) => JSON.parse(line.replace("event ", "")));
        assert.deepEqual(events.map((e) => [e.id, e.text]),
            [["ce-batch-1", '{"n":1}'], ["ce-batch-2", '{"n":2}']]);
    });
});

describe("a vendor's package takes what tidings delivers", () => {
    // Each judge gets the request as its framework gives it, and throws or answers false.
    const text = (r) => r.body.toString();
    const url_of = (r) => `http://${r.headers.host}${r.originalUrl}`;
    const judges = {
        standard: (r) => new StandardWebhook(secret).verify(text(r), r.headers),
        svix: (r) => new SvixWebhook(secret).verify(text(r), r.headers),
        github: (r) => github_verify(key, text(r), r.headers["x-hub-signature-256"]),
        stripe: (r) => stripe.webhooks.constructEvent(text(r), r.headers["stripe-signature"], key),
        slack: (r) => slack.isValidSlackRequest({
            signingSecret: key, body: text(r), headers: r.headers,
        }),
        shopify: async (r) => {
            // What its package wants beside the signature is no part of one.
            const headers = {
                ...r.headers, "x-shopify-topic": "orders/create", "x-shopify-api-version": "2025-01",
                "x-shopify-shop-domain": "cats.myshopify.com", "x-shopify-webhook-id": "w-1",
            };
            const result = await shopify.webhooks.validate({
                rawBody: text(r), rawRequest: { headers, method: "POST", url: "/" }, rawResponse: {},
            });
            return result.valid;
        },
        twilio: (r) => twilio.validateRequestWithBody(key, r.headers["x-twilio-signature"], url_of(r), text(r)),
        twilio_form: (r) => twilio.validateRequest(key, r.headers["x-twilio-signature"], url_of(r),
            Object.fromEntries(new URLSearchParams(text(r)))),
        binary: (r) => judge_event(HTTP.toEvent({ headers: r.headers, body: text(r) }), false),
        structured: (r) => judge_event(HTTP.toEvent({ headers: r.headers, body: text(r) }), true),
        batch: (r) => {
            const events = HTTP.toEvent({ headers: r.headers, body: text(r) });
            assert.equal(events.length, 1);
            return judge_event(events[0], true);
        },
        payload: (r) => {
            const { type, timestamp, data } = new StandardWebhook(secret).verify(text(r), r.headers);
            assert.equal(type, "com.acme.order.created");
            assert.ok(Math.abs(new Date(timestamp) - Date.now()) < 3600_000);
            assert.deepEqual(data, { total: 99, name: "Zoë 100%" });
        },
    };
    function judge_event(e, structured) {
        assert.equal(e.id, "order-1");
        assert.equal(e.type, "com.acme.order.created");
        assert.equal(e.topic, "orders.42.created");
        // The package decodes no field of the binary mode (CloudEvents HTTP 3.1.3.2).
        assert.equal(structured ? e.subject : decodeURIComponent(e.subject), "Zoë's 100% \"order\"");
        assert.deepEqual(e.data, { total: 99, name: "Zoë 100%" });
        return true;
    }
    async function judge(scheme, request) {
        try {
            return (await judges[scheme](request)) !== false;
        } catch (error) {
            return error.message;
        }
    }
    const frameworks = {
        express: async () => {
            const app = express();
            app.post("/:scheme", express.raw({ type: () => true }), async (req, res) => {
                const said = await judge(req.params.scheme, req);
                res.status(said === true ? 204 : 400).end(`${said}`);
            });
            return new Promise((up) => {
                const server = app.listen(0, "127.0.0.1", () => up({
                    port: server.address().port, close: () => new Promise((d) => server.close(d)),
                }));
            });
        },
        fastify: async () => {
            const app = fastify();
            app.removeAllContentTypeParsers();
            app.addContentTypeParser("*", { parseAs: "buffer" }, (_, body, done) => done(null, body));
            app.post("/:scheme", async (req, reply) => {
                const said = await judge(req.params.scheme, req);
                return reply.code(said === true ? 200 : 400).send(`${said}`);
            });
            await app.listen({ port: 0, host: "127.0.0.1" });
            return { port: app.server.address().port, close: () => app.close() };
        },
    };
    const keys = { standard: secret, payload: secret, binary: "-", structured: "-", batch: "-" };

    for (const [name, start] of Object.entries(frameworks)) {
        describe(name, () => {
            let server;
            before(async () => { server = await start(); });
            after(() => server.close());
            const deliver = async (scheme, with_key) => {
                const run = start_program(program,
                    ["deliver", `http://127.0.0.1:${server.port}/${scheme}`, scheme, with_key]);
                const code = await run.exit;
                return [code, run.text().trim()];
            };
            for (const scheme of ["standard", "payload", "github", "stripe", "slack", "shopify", "twilio",
                "twilio_form", "binary", "structured", "batch"]) {
                test(scheme, async () => {
                    assert.deepEqual(await deliver(scheme, keys[scheme] ?? key), [0, "delivered"]);
                });
            }
            for (const scheme of ["standard", "github", "stripe", "slack", "shopify", "twilio",
                "twilio_form"]) {
                test(`${scheme} with another key is refused`, async () => {
                    const other = scheme === "standard"
                        ? "whsec_" + randomBytes(32).toString("base64") : "another key";
                    const [code, said] = await deliver(scheme, other);
                    assert.equal(code, 1);
                    assert.match(said, /^refused 400/);
                });
            }
        });
    }
});
