// SPDX-License-Identifier: BSL-1.0
// What the tests of pages share: a Chromium, and the steps that are taken in it.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

/// Opens a browser. What its page complains of, or asks of another origin than `home`, is in
/// `complaints`; those that `expected` matches are none.
export async function open_browser({ program, folder, home, expected = /^$/ }) {
    const profile = mkdtempSync(join(tmpdir(), 'tidings-browser.'));
    mkdirSync(folder, { recursive: true });
    const context = await chromium.launchPersistentContext(profile, {
        timeout: 120_000,
        executablePath: program,
        args: ['--disable-background-networking', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
        viewport: { width: 1280, height: 800 },
        colorScheme: 'light',
    });
    context.setDefaultTimeout(60_000);
    const page = await context.newPage();

    const complaints = [];
    const complain = (text) => expected.test(text) || complaints.push(text);
    page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complain(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => complain(`uncaught: ${error.message}`));
    page.on('request', (request) => {
        const { protocol, origin } = new URL(request.url());
        if (protocol !== 'data:' && origin !== new URL(home).origin) complain(`foreign: ${request.url()}`);
    });
    page.on('websocket', (socket) => {
        if (new URL(socket.url()).host !== new URL(home).host) complain(`foreign: ${socket.url()}`);
    });

    return {
        context, page, complaints,
        shot: (name, options = {}) => page.screenshot({ path: join(folder, `${name}.png`), ...options }),
        async no_sideways_scroll(width) {
            const widest = await page.evaluate(() =>
                Math.max(document.documentElement.scrollWidth, document.body.scrollWidth));
            assert.ok(widest <= width, `${widest} px wide in a window of ${width} px`);
        },
        async close() {
            await context.close();
            rmSync(profile, { recursive: true, force: true });
        },
    };
}

/// Takes every step, with a picture of those that fail, and gives how many failed.
export async function take(steps, shot) {
    let failed = 0;
    for (const [name, step] of Object.entries(steps)) {
        try {
            await step();
            console.log(`ok    ${name}`);
        } catch (error) {
            ++failed;
            console.log(`FAIL  ${name}\n      ${String(error.message).split('\n').slice(0, 6).join('\n      ')}`);
            await shot(`failed-${failed}`).catch(() => {});
        }
    }
    return failed;
}

/// Ends the process, by how the steps and the program went.
export async function end(what, steps, failures, running) {
    let failed = failures;
    running.child.kill('SIGINT');
    if (await running.exit !== 0) {
        ++failed;
        console.log('FAIL  the hub did not end well');
    }
    console.log(failed === 0 ? `${what}: all ${Object.keys(steps).length} held` : `${what}: ${failed} failed`);
    process.exit(failed === 0 ? 0 : 1);
}

/// A test that hangs fails.
export function within(minutes) {
    setTimeout(() => {
        console.log(`FAIL  not done after ${minutes} minutes`);
        process.exit(1);
    }, minutes * 60_000).unref();
}
