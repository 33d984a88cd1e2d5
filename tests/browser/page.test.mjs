// SPDX-License-Identifier: BSL-1.0
// The hub's page in a real Chromium.
//
//     node page.test.mjs HUB_PROGRAM SCREENSHOT_DIR [CHROMIUM]
//
// Exit 0 when every assertion held, else 1.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import net from 'node:net';
import { assert_signed, receive_hooks } from '../examples/receive_hooks.mjs';
import { start_program } from '../examples/running.mjs';
import { end, open_browser, take, within } from './browsing.mjs';

const [hub_program, folder, program = '/usr/bin/chromium'] = process.argv.slice(2);
if (!folder) {
    console.error('usage: node page.test.mjs HUB_PROGRAM SCREENSHOT_DIR [CHROMIUM]');
    process.exit(2);
}
// Every event goes to the one, those of a REST hook to the other.
const webhook_target = await receive_hooks(), rest_hook_target = await receive_hooks();
const secret = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const running = start_program(hub_program, ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0',
    '--webhook', webhook_target.url, '--webhook-secret', secret]);
within(8);
const hub = await running.line('hub: listening on ');
const admin = await running.line('hub: admin on ');

const transports = ['websocket', 'sse'];
const run = randomUUID().slice(0, 8);
let serial = 0;

/// Publishes one event and gives its id.
async function publish(topic, type, data) {
    const id = `browser-${run}-${++serial}`;
    const response = await fetch(new URL(`/topics/${topic}`, hub), {
        method: 'POST',
        headers: {
            'Content-Type': 'application/json', 'ce-specversion': '1.0', 'ce-id': id,
            'ce-source': '/tests/browser', 'ce-type': type,
        },
        body: JSON.stringify(data),
    });
    assert.equal(response.status, 202, `publishing to ${topic}: ${await response.text()}`);
    return id;
}

const { context, page, complaints, shot, no_sideways_scroll, close } =
    await open_browser({ program, folder, home: admin });

/// Passes bytes on to the hub's admin address; `cut` tears every connection and takes none until
/// `mend`.
async function start_relay(target) {
    const sockets = new Set();
    let whole = true;
    const server = net.createServer((near) => {
        if (!whole) {
            near.destroy();
            return;
        }
        const far = net.connect(Number(target.port), target.hostname);
        for (const [socket, peer] of [[near, far], [far, near]]) {
            sockets.add(socket);
            socket.pipe(peer);
            socket.on('error', () => {});
            socket.on('close', () => {
                sockets.delete(socket);
                peer.destroy();
            });
        }
    });
    await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
    const cut = () => {
        whole = false;
        for (const socket of sockets) socket.destroy();
    };
    return {
        url: `http://127.0.0.1:${server.address().port}/`,
        cut,
        mend: () => { whole = true; },
        close: () => {
            cut();
            server.close();
        },
    };
}

const row = (transport, id) => page.locator(`#${transport} tbody tr[data-id="${id}"]`);

const steps = {
    async 'both transports connect'() {
        await page.goto(admin);
        for (const transport of transports) {
            await page.locator(`#${transport} .state[data-state="open"]`).waitFor();
        }
    },

    async 'an empty page says how to publish'() {
        const rows = await page.locator('tbody tr').count();
        // Events may already be arriving when the hub is being fed by someone else.
        if (rows === 0) assert.equal(await page.locator('.empty:visible code').count(), 2);
        await shot('empty');
    },

    async 'an event is shown once by each transport, with its topic, type, id and size'() {
        const id = await publish('orders.42.created', 'com.acme.order.created', { total: 99 });
        for (const transport of transports) {
            await row(transport, id).waitFor();
            assert.equal(await row(transport, id).count(), 1);
            const text = await row(transport, id).innerText();
            for (const part of ['orders.42.created', 'com.acme.order.created', id, '12 B']) {
                assert.ok(text.includes(part), `${transport}: "${part}" is not in "${text}"`);
            }
            assert.match(text, /\d\d:\d\d:\d\d\.\d{3}/);
        }
    },

    async 'text in an event is text, not markup'() {
        // Without spaces and quotes, so that it passes through a header (ce-type) as it stands.
        const evil = '<svg/onload=document.title=1>';
        const id = await publish('orders.evil', `com.acme.${evil}`, { evil });
        for (const transport of transports) {
            await row(transport, id).waitFor();
            assert.ok((await row(transport, id).innerText()).includes(evil), `${transport}: not shown as sent`);
            assert.equal(await row(transport, id).locator('svg').count(), 0);
        }
        await row('websocket', id).locator('button').click();
        assert.ok((await page.locator('#detail pre').innerText()).includes(`"${evil}"`));
        assert.equal(await page.locator('#detail svg').count(), 0);
        await page.keyboard.press('Escape');
        assert.equal(await page.title(), 'tidings hub');
    },

    async 'the same events stand in the same order on both sides'() {
        const ids = [];
        for (let i = 0; i < 40; ++i) {
            ids.push(await publish(`github.${['push', 'issues.opened', 'pull_request.synchronize'][i % 3]}`,
                `com.github.${['push', 'issues.opened', 'pull_request.synchronize'][i % 3]}`,
                { number: i, text: 'x'.repeat(37 * i * i) }));
        }
        for (const transport of transports) {
            await row(transport, ids.at(-1)).waitFor();
            const shown = await page.locator(`#${transport} tbody tr`).evaluateAll((rows) =>
                rows.map((one) => one.dataset.id));
            assert.deepEqual(shown.filter((id) => ids.includes(id)), [...ids].reverse());
        }
    },

    async 'the counts of routes, subscriptions and clients are shown and rise'() {
        const figure = async (id) =>
            Number((await page.locator(`#${id}`).innerText()).replaceAll(',', ''));
        for (const id of ['published', 'subscriptions', 'route-bus', 'route-websocket', 'route-sse']) {
            await page.waitForFunction((name) => /^[1-9]/.test(document.getElementById(name).textContent), id);
        }
        for (const transport of transports) assert.ok(await figure(`clients-${transport}`) >= 1);

        // What the targets of webhooks have received, each event once.
        assert.equal(await figure('route-rest_hook'), 0);
        const subscribed = await fetch(new URL('/hooks', hub), {
            method: 'POST', headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify({ event: 'hooked.*', target_url: rest_hook_target.url, secret }),
        });
        assert.equal(subscribed.status, 201);
        const hooked = [];
        for (const n of [1, 2, 3]) hooked.push(await publish('hooked.once', 'com.acme.hooked', { n }));
        const ids = (hooks) => hooks.map(({ headers }) => headers['ce-id']);
        const by_webhook = await webhook_target.until(serial);
        const by_rest_hook = await rest_hook_target.until(3);
        assert.deepEqual(ids(by_webhook).slice(-3), hooked);
        assert.deepEqual(ids(by_rest_hook), hooked);
        for (const hook of [...by_webhook, ...by_rest_hook]) assert_signed(hook, secret);
        for (const [id, count] of [['route-webhook', serial], ['route-rest_hook', 3]]) {
            await page.waitForFunction(([name, n]) =>
                document.getElementById(name).textContent.replaceAll(',', '') === n, [id, String(count)]);
        }
        assert.equal(by_webhook.length, serial);
        assert.equal(by_rest_hook.length, 3);

        const before = await figure('published');
        await publish('orders.43.created', 'com.acme.order.created', {});
        await page.waitForFunction((low) =>
            Number(document.getElementById('published').textContent.replaceAll(',', '')) > low, before);
    },

    async 'wide and light, wide and dark'() {
        await no_sideways_scroll(1280);
        await shot('desktop');
        await page.emulateMedia({ colorScheme: 'dark' });
        await shot('desktop-dark');
        await page.emulateMedia({ colorScheme: 'light' });
    },

    async 'paused, nothing moves and nothing is lost'() {
        await page.click('#pause');
        const id = await publish('orders.44.created', 'com.acme.order.created', {});
        for (const transport of transports) {
            await page.locator(`#${transport} .tally`, { hasText: 'held' }).waitFor();
            assert.equal(await row(transport, id).count(), 0);
        }
        await page.click('#pause');
        for (const transport of transports) await row(transport, id).waitFor();
    },

    async 'a pattern filters what is shown and what comes'() {
        await page.fill('#pattern', 'orders.*.created');
        await page.click('#filter button[type=submit]');
        for (const transport of transports) {
            await page.locator(`#${transport} .state[data-state="open"]`).waitFor();
            assert.equal(await page.locator(`#${transport} tr[data-topic^="github."]`).count(), 0);
        }
        const hidden = await publish('github.push', 'com.github.push', {});
        const seen = await publish('orders.45.created', 'com.acme.order.created', {});
        for (const transport of transports) {
            await row(transport, seen).waitFor();
            assert.equal(await row(transport, hidden).count(), 0);
        }
        await page.fill('#pattern', 'orders..>');
        await page.click('#filter button[type=submit]');
        await page.locator('#problem', { hasText: 'Not a topic pattern' }).waitFor();
        await page.fill('#pattern', '>');
        await page.click('#filter button[type=submit]');
        assert.equal(await page.locator('#problem').innerText(), '');
    },

    async 'after a cut each transport resumes, missing and repeating nothing'() {
        // A second page, which reaches the hub through a relay that can be cut. What the browser
        // itself logs about a torn connection is no fault of the page; an uncaught error is.
        const relay = await start_relay(new URL(admin));
        const other = await context.newPage();
        const uncaught = [];
        other.on('pageerror', (error) => uncaught.push(error.message));
        const in_other = (transport, id) => other.locator(`#${transport} tbody tr[data-id="${id}"]`);
        try {
            await other.goto(relay.url);
            for (const transport of transports) {
                await other.locator(`#${transport} .state[data-state="open"]`).waitFor();
            }
            const ids = [await publish('orders.46.created', 'com.acme.order.created', {})];
            for (const transport of transports) await in_other(transport, ids[0]).waitFor();

            relay.cut();
            for (const transport of transports) {
                await other.locator(`#${transport} .state:not([data-state="open"])`).waitFor();
            }
            for (let i = 0; i < 5; ++i) ids.push(await publish('orders.47.created', 'com.acme.order.created', { i }));
            relay.mend();
            for (const transport of transports) {
                await in_other(transport, ids.at(-1)).waitFor();
            }
            ids.push(await publish('orders.47.created', 'com.acme.order.created', { live: true }));
            for (const transport of transports) {
                await in_other(transport, ids.at(-1)).waitFor();
                const shown = await other.locator(`#${transport} tbody tr`).evaluateAll((rows) =>
                    rows.map((one) => one.dataset.id));
                assert.deepEqual(shown.filter((id) => ids.includes(id)), [...ids].reverse(), transport);
                assert.equal(await other.locator(`#${transport} tr.note`).count(), 0, `${transport}: a gap`);
            }
            assert.deepEqual(uncaught, []);
        } finally {
            await other.close();
            relay.close();
        }
    },

    async 'never more than the stated number of rows'() {
        let last;
        for (let i = 0; i < 220; ++i) last = await publish('orders.48.created', 'com.acme.order.created', { i });
        for (const transport of transports) {
            await row(transport, last).waitFor();
            assert.equal(await page.locator(`#${transport} tbody tr`).count(), 200);
        }
    },

    async 'a page that is opened later begins with the newest 50 events'() {
        const ids = [];
        for (let i = 0; i < 60; ++i) ids.push(await publish('orders.49.created', 'com.acme.order.created', { i }));
        const later = await context.newPage();
        try {
            await later.goto(admin);
            for (const transport of transports) {
                await later.locator(`#${transport} tbody tr[data-id="${ids.at(-1)}"]`).waitFor();
            }
            ids.push(await publish('orders.49.created', 'com.acme.order.created', { live: true }));
            for (const transport of transports) {
                await later.locator(`#${transport} tbody tr[data-id="${ids.at(-1)}"]`).waitFor();
                const shown = await later.locator(`#${transport} tbody tr`).evaluateAll((rows) =>
                    rows.map((one) => one.dataset.id));
                assert.deepEqual(shown, ids.slice(-51).reverse(), transport);
            }
        } finally {
            await later.close();
        }
    },

    async 'at 375 px nothing scrolls sideways, and the tabs lead to both streams'() {
        await page.setViewportSize({ width: 375, height: 812 });
        await no_sideways_scroll(375);
        await shot('mobile');
        await page.click('[data-shows="sse"]');
        assert.ok(await page.locator('#sse').isVisible());
        assert.ok(!await page.locator('#websocket').isVisible());
        await no_sideways_scroll(375);
        await page.locator('#sse tbody button').first().click();
        await no_sideways_scroll(375);
        await shot('mobile-detail');
        await page.keyboard.press('Escape');
        await page.emulateMedia({ colorScheme: 'dark' });
        await shot('mobile-dark');
    },

    async 'the console stayed silent and no foreign host was asked'() {
        assert.deepEqual(complaints, []);
    },
};

const failed = await take(steps, shot);
await close();
await end('page', steps, failed, running);
