// SPDX-License-Identifier: BSL-1.0
// Compares what each route's observer wrote with the list computed from the payload files.
//
//     node compare.mjs EXPECTED_FILE DIR
//
// Reads DIR/<route>.txt for every route. The last lines printed are one per route:
//     route <name> sent N received N distinct N order ok|BAD sha256 <hash of the list>
// Exit 0 only when every route's list equals the expected one to the byte.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const routes = ['bus', 'websocket', 'sse', 'webhook', 'rest_hook'];

const [expected_file, folder] = process.argv.slice(2);
if (!folder) {
    console.error('usage: node compare.mjs EXPECTED_FILE DIR');
    process.exit(2);
}
const lines_of = (text) => text.split('\n').filter((line) => line !== '');
const hash = (text) => createHash('sha256').update(text).digest('hex');
const id_of = (line) => line.split(' ')[0];

const expected = readFileSync(expected_file, 'utf8');
const sent = lines_of(expected);
const place = new Map(sent.map((line, i) => [id_of(line), i]));

/// What an eye wants to see first when a list differs.
function differences(received) {
    const seen = new Map();
    for (const line of received) seen.set(id_of(line), (seen.get(id_of(line)) ?? 0) + 1);
    const content = new Set(sent);
    return [
        ...sent.filter((line) => !seen.has(id_of(line))).map((line) => `missing  ${line}`),
        ...[...seen].filter(([, times]) => times > 1).map(([id, times]) => `${times} times  ${id}`),
        ...received.filter((line) => !content.has(line))
            .map((line) => `${place.has(id_of(line)) ? 'altered' : 'unknown'}  ${line}`),
    ];
}

let all_equal = sent.length > 0;
const summary = [];
for (const route of routes) {
    const file = join(folder, `${route}.txt`);
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const received = lines_of(text);
    const distinct = new Set(received.map(id_of)).size;
    const places = received.map((line) => place.get(id_of(line)) ?? -1);
    const in_order = places.every((at, i) => at >= 0 && (i === 0 || at >= places[i - 1]));
    const equal = text === expected && received.length === sent.length && distinct === sent.length;
    if (!equal) {
        all_equal = false;
        const found = differences(received);
        for (const line of found.slice(0, 10)) console.log(`${route}: ${line}`);
        if (found.length > 10) console.log(`${route}: and ${found.length - 10} more`);
    }
    summary.push(`route ${route} sent ${sent.length} received ${received.length} distinct ${distinct}`
        + ` order ${in_order ? 'ok' : 'BAD'} sha256 ${hash(text)}`);
}
console.log(summary.join('\n'));
process.exit(all_equal ? 0 : 1);
