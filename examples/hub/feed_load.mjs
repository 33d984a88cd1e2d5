// SPDX-License-Identifier: BSL-1.0
// Publishes this machine's load to the topic machine.load, once a second, as a CloudEvent in HTTP's
// binary mode.
//
//     node feed_load.mjs HUB_URL
import { randomUUID } from 'node:crypto';
import { cpus, freemem, loadavg, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

const hub = process.argv[2];
if (!hub) {
    console.error('usage: node feed_load.mjs HUB_URL');
    process.exit(2);
}
const url = new URL('/topics/machine.load', hub);

/// Milliseconds all processors together have spent, and of these idle.
function processor_time() {
    let idle = 0, all = 0;
    for (const { times } of cpus()) {
        idle += times.idle;
        all += times.user + times.nice + times.sys + times.irq + times.idle;
    }
    return { idle, all };
}

try {
    for (let before = processor_time(); ;) {
        await sleep(1000);
        const now = processor_time();
        const busy = 1 - (now.idle - before.idle) / Math.max(1, now.all - before.all);
        before = now;
        const response = await fetch(url, {
            method: 'POST',
            headers: {
                'Content-Type': 'application/json',
                'ce-specversion': '1.0',
                'ce-id': randomUUID(),
                'ce-source': '/machine',
                'ce-type': 'com.example.machine.load',
                'ce-time': new Date().toISOString(),
            },
            body: JSON.stringify({
                busy: Number(busy.toFixed(3)),
                processors: cpus().length,
                load_average: loadavg().map((load) => Number(load.toFixed(2))),
                memory_used_bytes: totalmem() - freemem(),
                memory_bytes: totalmem(),
            }),
            signal: AbortSignal.timeout(10_000),
        });
        const text = await response.text();
        if (response.status !== 202) console.log(`load: answered ${response.status} ${text.slice(0, 200)}`);
    }
} catch (e) {
    console.error(`load: ${e.cause?.message ?? e.message}`);
    process.exit(1);
}
