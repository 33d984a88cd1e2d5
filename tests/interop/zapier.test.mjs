// SPDX-License-Identifier: BSL-1.0
// An integration of Zapier's, run by Zapier's own platform, on REST hooks of tidings.
//
//     node zapier.test.mjs PROGRAM
import { strict as assert } from "node:assert";
import { after, before, describe, test } from "node:test";
import { assert_signed } from "../examples/receive_hooks.mjs";
import { serve_hooks, token } from "./serving_hooks.mjs";
import { app, spellings, zapier } from "./zapier_app.mjs";

const run = zapier.createAppTester(app);

describe("an integration of Zapier's", { timeout: 180_000 }, () => {
    // Which Zaps are on, by the paths of their URLs. Zapier answers 410 for the others.
    const zaps = new Set(), refused = [];
    const zapier_host = ({ path }) => {
        if (zaps.has(path))
            return { status: 200, body: '{"status":"success"}' };
        refused.push(path);
        return { status: 410 };
    };
    let hooks, forgotten, next_order = 1, next_zap = 1;
    before(async () => {
        hooks = await serve_hooks(process.argv[2], { "hooks.zapier.com": zapier_host });
    });
    after(() => hooks.end());

    const auth = (mount, access_token = token) => ({ api: hooks.url + mount, access_token });

    // Turns a Zap on, as Zapier does: its URL exists before the integration subscribes it.
    async function turn_on(event, { key = "order", mount = "/zapier" } = {}) {
        const path = `/hooks/standard/7/${next_zap++}/`;
        zaps.add(path);
        const bundle = {
            authData: auth(mount), inputData: { event }, meta: { isLoadingSample: false },
            targetUrl: `https://hooks.zapier.com${path}`,
        };
        const { operation } = app.triggers[key];
        const subscribeData = await run(operation.performSubscribe, bundle);
        return {
            path, subscribeData,
            shown: () => hooks.get(`${mount}/${subscribeData.id}`),
            forget: () => zaps.delete(path),
            // What the Zap makes of a request that came.
            perform: ({ method, headers, body }) => run(operation.perform, {
                ...bundle, subscribeData, cleanedRequest: JSON.parse(body),
                rawRequest: { method, headers, querystring: "", content: body },
            }),
            list: () => run(operation.performList, { ...bundle, meta: { isLoadingSample: true } }),
            async turn_off() {
                zaps.delete(path);
                await run(operation.performUnsubscribe, { ...bundle, subscribeData });
            },
        };
    }
    const new_order = () => ({ id: next_order++, total: 99 });

    test("is a valid one, and knows a user by the token", async () => {
        const { results } = await zapier.createAppHandler(app)({ command: "validate" });
        assert.deepEqual(results, []);
        const { test: asked } = app.authentication;
        assert.deepEqual(await run(asked, { authData: auth("/zapier") }), []);
        await assert.rejects(run(asked, { authData: auth("/zapier", "another") }),
            { name: "ResponseError", message: /"status":401/ });
    });

    for (const [key, member] of Object.entries(spellings)) {
        test(`subscribes by "${member}", receives, lists and unsubscribes`, async () => {
            const other = await turn_on(`orders.${key}.*`); // gets what this one gets no more
            const zap = await turn_on(`orders.${key}.*`, { key });
            const { id, state, secret, expiration_date } = zap.subscribeData;
            assert.equal(state, "active");
            assert.ok(Date.parse(expiration_date) > Date.now(), expiration_date);
            const [, subscriptions] = await hooks.get("/zapier?state=active");
            assert.ok(subscriptions.some((s) => s.id === id));

            const order = new_order();
            assert.equal((await hooks.publish(`orders.${key}.created`, order)).matched, 2);
            const came = await hooks.arrival(zap.path);
            assert.equal(came.method, "POST");
            assert.equal(came.headers["content-type"], "application/json");
            assert_signed(came, secret);
            assert.deepEqual(await zap.perform(came), [order]);
            assert.deepEqual(await zap.list(), [order]);

            await zap.turn_off();
            assert.equal((await zap.shown())[0], 404);
            const late = new_order();
            assert.equal((await hooks.publish(`orders.${key}.created`, late)).matched, 1);
            assert.deepEqual(await other.perform(await hooks.arrival(other.path, 1)), [late]);
            assert.deepEqual(await other.list(), [late, order]);
            await other.turn_off();
            assert.equal(hooks.to(zap.path).length, 1);
        });
    }

    test("that ends without a word is unsubscribed by Zapier's 410", async () => {
        const zap = await turn_on("orders.forgotten");
        assert.equal((await zap.shown())[0], 200);
        zap.forget();
        forgotten = zap.path;
        assert.equal((await hooks.publish("orders.forgotten", new_order())).matched, 1);
        await hooks.arrival(zap.path);
        while ((await zap.shown())[0] !== 404);
        assert.equal((await hooks.publish("orders.forgotten", new_order())).matched, 0);
        assert.equal(hooks.to(zap.path).length, 1);
    });

    test("stays pending where no rule says that Zapier is not asked", async () => {
        const zap = await turn_on("orders.asked", { mount: "/asking" });
        assert.equal(zap.subscribeData.state, "pending");
        const asked = await hooks.arrival(zap.path);
        assert.equal(asked.method, "POST");
        assert.match(asked.headers["x-hook-secret"], /^[0-9a-f]{64}$/);
        assert.equal(asked.body, "");
        let shown;
        do [, shown] = await zap.shown(); while (shown.state === "pending" && !shown.reason);
        assert.equal(shown.state, "pending");
        assert.equal(shown.reason, "the target's answer is no agreement");
        assert.equal((await hooks.publish("orders.asked", new_order())).matched, 0);
        await zap.turn_off();
        assert.equal((await zap.shown())[0], 404);
        assert.equal(hooks.to(zap.path).length, 1);
    });

    test("gets nothing for a Zap that is off", async () => {
        await hooks.end();
        assert.deepEqual(refused, [forgotten]);
    });
});
