// SPDX-License-Identifier: BSL-1.0
// Posts the payloads that payloads.mjs wrote, one after the other, signed as GitHub signs.
//
//     node feed.mjs HUB_URL SECRET PAYLOAD_DIR first|second
//
// The first half of them, or the second. Before the first goes one with a wrong signature, which
// must be refused. Exit 1 when any answer is not the right one.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deliver, guid, sign } from '../github.mjs';

const [hub, secret, folder, half] = process.argv.slice(2);
if (!['first', 'second'].includes(half)) {
    console.error('usage: node feed.mjs HUB_URL SECRET PAYLOAD_DIR first|second');
    process.exit(2);
}
const url = new URL('/in/github', hub);
const all = JSON.parse(readFileSync(join(folder, 'feed.json'), 'utf8'));
const middle = Math.floor(all.length / 2);
const feed = half === 'first' ? all.slice(0, middle) : all.slice(middle);
let wrong = 0;

async function post(what, status, delivery) {
    const answer = await deliver(url, delivery).catch((e) => ({ status: 0, text: String(e.cause ?? e) }));
    let good = answer.status === status;
    if (good && status === 202) {
        try {
            JSON.parse(answer.text);
        } catch {
            good = false;
        }
    }
    if (!good) {
        ++wrong;
        console.error(`feed: ${what}: expected ${status}, got ${answer.status} ${answer.text.slice(0, 200)}`);
    }
}

if (half === 'first') {
    const forged = Buffer.from('{"zen":"forged"}');
    await post('forged ping', 401,
        { event: 'ping', delivery: guid('forged'), body: forged, signature: sign(forged, secret + 'x') });
}

for (const { file, event, delivery, type } of feed) {
    const body = readFileSync(join(folder, file));
    await post(`${file} ${type}`, 202, { event, delivery, body, secret });
}
console.log(`feed: ${feed.length} posted, ${wrong} wrong answers`);
process.exit(wrong === 0 ? 0 : 1);
