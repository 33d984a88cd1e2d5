// SPDX-License-Identifier: BSL-1.0
// The page of the REST hooks, as the hub mounts it, in a real Chromium.
//
//     node portal.test.mjs HUB_PROGRAM SCREENSHOT_DIR [CHROMIUM]
//
// Exit 0 when every assertion held, else 1.
import assert from 'node:assert/strict';
import { receive_hooks } from '../examples/receive_hooks.mjs';
import { start_program } from '../examples/running.mjs';
import { end, open_browser, take, within } from './browsing.mjs';

const [hub_program, folder, program = '/usr/bin/chromium'] = process.argv.slice(2);
if (!folder) {
    console.error('usage: node portal.test.mjs HUB_PROGRAM SCREENSHOT_DIR [CHROMIUM]');
    process.exit(2);
}
within(8);
const evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
let sick = false;
const target = await receive_hooks({
    // No second attempt within the test but those that it asks for.
    answer: () => (sick ? { status: 500, body: evil,
        fields: { 'Content-Type': 'text/html', 'Retry-After': '3600' } }
        : { status: 200, fields: { 'Content-Type': 'application/json' }, body: '{"taken":true}' }),
});
const running = start_program(hub_program, ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0']);
const hub = await running.line('hub: listening on ');
const admin = await running.line('hub: admin on ');

// Chromium says so of every answer that is no success, those that the page expects as well.
const { context, page, complaints, shot, no_sideways_scroll, close } = await open_browser(
    { program, folder, home: admin, expected: /status of (401|403|404|409|412|422)/ });

async function link_for(owner = '') {
    const answer = await fetch(new URL('portal/tickets', admin), { method: 'POST', body: owner });
    assert.equal(answer.status, 201);
    return (await answer.text()).trim();
}

let serial = 0;

async function publish(topic, data) {
    const answer = await fetch(new URL(`/topics/${topic}`, hub), {
        method: 'POST', headers: {
            'Content-Type': 'application/json', 'ce-specversion': '1.0', 'ce-source': '/tests/browser',
            'ce-id': `portal-${++serial}`, 'ce-type': 'com.shop.order.paid',
        },
        body: JSON.stringify(data),
    });
    assert.equal(answer.status, 202);
}

async function hooks_of_the_api(method = 'GET', body = undefined) {
    const answer = await fetch(new URL('/hooks', hub), {
        method, headers: { 'Content-Type': 'application/json' }, body: body && JSON.stringify(body),
    });
    return answer.json();
}

const heading = (text) => page.getByRole('heading', { name: text });
const press = (name) => page.getByRole('button', { name, exact: true }).click();
const notice = (text) => page.locator('#notice', { hasText: text }).waitFor();

/// Moves on with Tab until an element of this role and name has the focus, in at most so many turns.
async function tab_to(role, name, turns = 25) {
    const wanted = page.getByRole(role, { name, exact: true }).first();
    for (let i = 0; i < turns; ++i) {
        if (await wanted.evaluate((node) => node === document.activeElement)) return;
        await page.keyboard.press('Tab');
    }
    assert.fail(`Tab does not lead to the ${role} "${name}"`);
}

async function wide_and_narrow(name) {
    for (const [width, height] of [[1280, 800], [375, 812]]) {
        await page.setViewportSize({ width, height });
        for (const colorScheme of ['light', 'dark']) {
            await page.emulateMedia({ colorScheme });
            await page.waitForTimeout(200); // the chart is drawn anew for the width
            await no_sideways_scroll(width);
            await shot(`portal-${name}-${width}-${colorScheme}`, { fullPage: true });
        }
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.emulateMedia({ colorScheme: 'light' });
}

const steps = {
    async 'without a ticket there is nothing to see'() {
        await page.goto(new URL('portal', admin).href);
        await heading('The page is closed').waitFor();
        await wide_and_narrow('closed');
    },

    async 'a link lets in once, and leaves no ticket behind'() {
        const link = await link_for('ann');
        await page.goto(link);
        await heading('Your subscriptions').waitFor();
        assert.equal(new URL(page.url()).hash, '');
        assert.equal(await page.evaluate(() => document.cookie), '');
        const [cookie] = await context.cookies();
        assert.equal(cookie.httpOnly, true);
        assert.equal(cookie.sameSite, 'Strict');
        assert.equal(cookie.path, '/portal');
        await page.goto('about:blank');
        await page.goto(link);
        await notice('used already');
        await context.clearCookies();
        await page.goto('about:blank');
        await page.goto(link);
        await heading('This link does not open the page').waitFor();
    },

    async 'a link of another owner asks before it ends a session'() {
        await page.goto(await link_for('ann'));
        await heading('Your subscriptions').waitFor();
        const foreign = await link_for('mallory');
        await page.goto('about:blank');
        await page.goto(foreign);
        await heading('You are signed in as ann').waitFor();
        assert.ok(await page.evaluate(() => document.activeElement.tagName === 'H2'));
        assert.equal(new URL(page.url()).hash, '');
        await wide_and_narrow('other-owner');
        await tab_to('button', 'Stay ann', 1 + 3);
        await page.keyboard.press('Enter');
        await heading('Your subscriptions').waitFor();
        assert.equal(await page.locator('#who').innerText(), 'ann');
        // In the page that is open the same is asked, and the link is still good.
        await page.goto(foreign);
        await heading('You are signed in as ann').waitFor();
        await tab_to('button', 'Sign in as mallory', 4);
        await page.keyboard.press('Enter');
        await heading('Your subscriptions').waitFor();
        assert.equal(await page.locator('#who').innerText(), 'mallory');
        await context.clearCookies();
        await page.goto('about:blank');
    },

    async 'by the keyboard alone a subscription is made'() {
        await page.goto(await link_for('ann'));
        await heading('No subscription yet').waitFor();
        await wide_and_narrow('empty');
        await tab_to('button', 'New subscription');
        await page.keyboard.press('Enter');
        await page.getByRole('dialog', { name: 'New subscription' }).waitFor();
        await tab_to('textbox', 'Target URL');
        await page.keyboard.type('nonsense');
        await page.keyboard.press('Tab');
        await page.keyboard.type('orders.>');
        await tab_to('textbox', 'Description');
        await page.keyboard.type('Orders of the shop');
        await page.keyboard.press('Enter');
        // What is wrong is read aloud, and its field has the focus.
        await page.getByRole('alert').filter({ hasText: 'target_url' }).waitFor();
        await page.keyboard.press('Control+A');
        await page.keyboard.type(target.url);
        await page.keyboard.press('Enter');
        await page.getByRole('dialog', { name: 'The secret' }).waitFor();
        assert.match(await page.locator('.secret').innerText(), /^whsec_/);
        await page.keyboard.press('Escape');
        await heading('Orders of the shop').waitFor();
        await page.locator('dialog').waitFor({ state: 'detached' });
    },

    async 'what was sent is shown with request and response, as text'() {
        await publish('orders.1.paid', { total: 99 });
        await target.until(1);
        sick = true;
        await publish('orders.2.paid', { total: evil });
        await target.until(2);
        const failed = page.locator('tr', { has: page.locator('.badge', { hasText: '500' }) });
        // The hub records an attempt behind its answer.
        do await press('Refresh');
        while (!await failed.waitFor({ timeout: 2000 }).then(() => true, () => false));
        await page.locator('tr', { has: page.locator('.badge', { hasText: '200' }) }).waitFor();
        await failed.getByRole('button').focus();
        await page.keyboard.press('Enter');
        await page.locator('.exchange').waitFor();
        assert.equal(await failed.getByRole('button').getAttribute('aria-expanded'), 'true');
        assert.ok((await page.locator('.exchange').innerText()).includes('onerror=\\"document.title=1'));
        // The target is on this machine: what it answered is an operator's to see.
        assert.ok((await page.locator('.exchange').innerText()).includes('shown to operators only'));
        assert.equal(await page.locator('.exchange img, .exchange script').count(), 0);
    },

    async 'the day is drawn, and the same can be read'() {
        const image = page.locator('.chart svg[role=img]');
        await image.waitFor();
        assert.match(await image.getAttribute('aria-label'), /^1 attempt succeeded and 1 failed.* took about \d/);
        assert.ok(await image.locator('rect.ok').count() === 1 && await image.locator('rect.no').count() === 1);
        await page.getByText('The same as a table').click();
        assert.equal(await page.locator('details tbody tr td').nth(1).innerText(), '1');
        await wide_and_narrow('hook');
        await page.getByText('The same as a table').click();
    },

    async 'a failed attempt is sent again, pings and tests are sent'() {
        sick = false;
        const before = target.came.length;
        await page.locator('.exchange').getByRole('button', { name: 'Send again' }).click();
        await notice('sent again');
        await target.until(before + 1);
        assert.equal(JSON.parse(target.came.at(-1).body).total, evil);
        await press('Send a ping');
        await notice('Sent: event');
        await target.until(before + 2);
        assert.equal(target.came.at(-1).headers['ce-type'], 'hook.ping');
        await press('Send a test');
        await page.getByRole('textbox', { name: 'Topic', exact: true }).fill('users.1');
        await press('Send');
        await page.locator('dialog .wrong', { hasText: 'does not match' }).waitFor();
        assert.equal(await page.locator('dialog [name=topic]').getAttribute('aria-invalid'), 'true');
        await page.getByRole('textbox', { name: 'Topic', exact: true }).fill('orders.7.test');
        await page.getByRole('textbox', { name: 'Data' }).fill('{"n": 7}');
        await press('Send');
        await target.until(before + 3);
        assert.deepEqual(JSON.parse(target.came.at(-1).body), { n: 7 });
    },

    async 'the secret is rotated, and shown once'() {
        await press('Rotate the secret');
        await press('Make one');
        const secret = await page.locator('.secret').innerText();
        await wide_and_narrow('secret');
        await press('I have kept it');
        assert.ok(!(await page.content()).includes(secret));
        const signed = target.came.length;
        await press('Send a ping');
        await target.until(signed + 1);
        assert.equal(target.came.at(-1).headers['webhook-signature'].split(' ').length, 2);
    },

    async 'it is changed, and what is refused says which member'() {
        await press('Edit');
        await page.getByRole('textbox', { name: 'Description' }).fill(evil);
        await page.getByText('More', { exact: true }).click();
        await page.locator('[name=filters]').fill('[{"sql": "x"}]');
        await page.locator('[name=metadata]').fill('team: shop');
        await press('Save');
        await page.locator('dialog .wrong', { hasText: /./ }).waitFor();
        await wide_and_narrow('edit');
        await page.locator('[name=filters]').fill('');
        await press('Save');
        await notice('Saved');
        await heading('<img src=x').waitFor();
        assert.ok((await page.locator('main').innerText()).includes('team: shop'));
        await press('Pause');
        await page.locator('.badge', { hasText: 'paused' }).waitFor();
        await press('Resume');
        await page.locator('.badge', { hasText: 'active' }).waitFor();
    },

    async 'an owner sees its own, an operator all, and answers of private addresses'() {
        await hooks_of_the_api('POST', { event: 'users.*', target_url: target.url, description: 'of nobody' });
        await hooks_of_the_api('POST', { event: 'carts.*', target_url: `${target.url}/carts`, state: 'paused',
            topics: undefined, metadata: { team: 'carts' } });
        await page.getByRole('link', { name: 'All subscriptions' }).click();
        await heading('Your subscriptions').waitFor();
        assert.equal(await page.locator('.hooks > li').count(), 1);
        assert.ok((await page.locator('.hooks').innerText()).includes(evil));
        await context.clearCookies();
        await page.goto(admin);
        await page.getByRole('button', { name: 'REST hooks' }).click();
        await heading('All subscriptions').waitFor();
        assert.equal(await page.locator('.hooks > li').count(), 3);
        await wide_and_narrow('list');
        await page.getByRole('textbox', { name: 'Owner' }).fill('ann');
        await page.keyboard.press('Enter');
        await page.locator('.hooks > li').nth(1).waitFor({ state: 'detached' });
        await page.locator('.hooks a').focus();
        await page.keyboard.press('Enter');
        await heading('<img src=x').waitFor();
        assert.ok(await page.evaluate(() => document.activeElement.tagName === 'H2'));
        await page.locator('tr', { has: page.locator('.badge', { hasText: '500' }) }).getByRole('button').click();
        await page.locator('.exchange', { hasText: 'HTTP/1.1 500' }).or(page.locator('.exchange', { hasText: evil })).first().waitFor();
        await wide_and_narrow('operator');
        assert.equal(await page.locator('main img, main script').count(), 0);
        assert.equal(await page.title(), 'tidings hub: REST hooks');
    },

    async 'a whole day is drawn, of more attempts than the log has'() {
        const now = Date.now(), pages = [];
        await page.route(/\/attempt-counts\?/, (route) => {
            const query = new URL(route.request().url()).searchParams;
            pages.push(query);
            assert.ok(Math.abs(now - Date.parse(query.get('after')) - 86.4e6) < 60e3 || pages.length > 1);
            const first = Math.floor(Date.parse(query.get('after')) / 6e4) + 1, last = Math.floor(now / 6e4);
            const limit = Number(query.get('limit'));
            const made = Array.from({ length: Math.min(limit, last - first + 1) }, (_, i) => {
                const minute = first + i, bad = minute % 600 < 20 ? 6 : minute % 7 === 0 ? 1 : 0;
                return { minute: new Date(minute * 6e4).toISOString(), succeeded: 10 - bad, failed: bad,
                    total_us: 3e5, longest_us: 11e4, latencies: [0, 0, 0, 0, 1, 7 - bad, 1, 1] };
            });
            const headers = first + limit <= last ? { Link: `</elsewhere?limit=${limit}&after=${
                encodeURIComponent(new Date((first + limit - 1) * 6e4).toISOString())}>; rel="next"` } : {};
            return route.fulfill({ json: made, headers });
        });
        await press('Refresh');
        await page.locator('.figures dd', { hasText: /^14,(39|40)0$/ }).waitFor();
        assert.equal(pages.length, 2);
        const figures = await page.locator('.figures dd').allInnerTexts();
        assert.match(figures[1], /^9\d(\.\d)?%$/);
        assert.match(figures[2], /^(2\d|3[0-2]) ms$/); // most are in the class of 17 to 32 ms
        assert.match(figures[3], /^(6[5-9]|[7-9]\d|1[01]\d) ms$/);
        const image = page.locator('.chart svg[role=img]');
        assert.ok([24, 25].includes(await image.locator('rect.ok').count()));
        assert.ok([24, 25].includes(await image.locator('circle.dot').count()));
        await wide_and_narrow('counts');
        await page.unroute(/\/attempt-counts\?/);
    },

    async 'a day without a success has bars and no times'() {
        await page.route(/\/attempt-counts\?/, (route) => route.fulfill({ json: [
            { minute: new Date(Date.now() - 36e5).toISOString(), succeeded: 0, failed: 3, total_us: 0, longest_us: 0, latencies: [] }] }));
        await press('Refresh');
        await page.locator('.figures dd', { hasText: /^0%$/ }).waitFor();
        assert.deepEqual(await page.locator('.figures dd').allInnerTexts(), ['3', '0%', '–', '–']);
        const image = page.locator('.chart svg[role=img]');
        assert.equal(await image.locator('rect.no').count(), 1);
        assert.equal(await image.locator('circle').count(), 0);
        await page.unroute(/\/attempt-counts\?/);
        await page.route(/\/attempt-counts\?/, (route) => route.fulfill({ json: [] }));
        await press('Refresh');
        await page.getByText('Nothing was sent in the last 24 hours.').waitFor();
        await shot('portal-nothing');
        await page.unroute(/\/attempt-counts\?/);
    },

    async 'where the log has no successes the page says so, and counts them'() {
        await page.route(/\/portal\/session$/, async (route) => {
            const answer = await route.fetch();
            return route.fulfill({ response: answer, json: { ...await answer.json(), logs_successes: false } });
        });
        await page.reload();
        await page.getByText('logs only attempts that failed').waitFor();
        const image = page.locator('.chart svg[role=img]');
        await image.waitFor();
        assert.ok(await image.locator('rect.ok').count() >= 1);
        await wide_and_narrow('failures-only');
        await page.unroute(/\/portal\/session$/);
    },

    async 'the attempts of a day are listed, the oldest of the log are passed over'() {
        const now = Date.now(), all = 2000; // of two days
        let asked = 0;
        await page.route(/\/attempts\?/, (route) => {
            ++asked;
            const query = new URL(route.request().url()).searchParams;
            const after = Number(query.get('after') ?? 0), limit = Number(query.get('limit'));
            const made = Array.from({ length: Math.max(0, Math.min(limit, all - after)) }, (_, i) => {
                const id = after + i + 1, failed = id % 11 === 0 || (id > 1500 && id < 1560);
                return {
                    id, number: 1, webhook_id: `msg_${id}`, event: { type: 'com.shop.order.paid' },
                    at: new Date(now - (all - id) * 86.4e3).toISOString(), status: failed ? 503 : 200,
                    ...(failed && { error: 'the HTTP status is not success' }),
                    timings: { total_us: 4e4 + id % 97 * 1e3 + (failed ? 2e5 : 0) },
                };
            });
            const headers = after + limit < all
                ? { Link: `</elsewhere?limit=${limit}&after=${after + limit}>; rel="next"` } : {};
            return route.fulfill({ json: made, headers });
        });
        await press('Refresh');
        const more = page.getByRole('button', { name: 'Show more' });
        await more.waitFor();
        while (await more.isVisible()) await more.click();
        // One row for each attempt, and one for what it opens.
        assert.ok([999, 1000].includes(await page.locator('.log tbody tr').count() / 2));
        assert.ok(asked < 40, `${asked} requests`);
        await page.unroute(/\/attempts\?/);
    },

    async 'it is deleted after a question'() {
        await press('Delete');
        await page.getByRole('dialog', { name: 'Delete this subscription?' }).waitFor();
        await shot('portal-remove');
        await press('Cancel');
        await press('Delete');
        await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
        await notice('is deleted');
        assert.equal((await hooks_of_the_api()).length, 2);
    },

    async 'signing out ends the session, also of another tab'() {
        const other = await context.newPage();
        await other.goto(new URL('portal/', admin).href);
        await other.getByRole('heading', { name: 'All subscriptions' }).waitFor();
        await press('Sign out');
        await heading('You have signed out').waitFor();
        await other.getByRole('button', { name: 'Find' }).click();
        await other.getByRole('heading', { name: 'The session has ended' }).waitFor();
        assert.equal(await other.locator('.hooks').count(), 0);
        await other.close();
    },

    async 'the console stayed silent and no foreign host was asked'() {
        assert.deepEqual(complaints, []);
    },
};

const failed = await take(steps, shot);
await close();
await end('portal', steps, failed, running);
