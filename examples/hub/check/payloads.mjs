// SPDX-License-Identifier: BSL-1.0
// Writes the payloads of the check and the list that every route must have received.
//
//     node payloads.mjs OUT_DIR
//
// One payload for each event and action that @octokit/webhooks-examples holds (recorded from
// GitHub), always the same bytes. OUT_DIR gets NNN.json, feed.json (what to send, in order) and
// expected.txt: `<id> <type> <sha256 of the file>` per line, hashed from the files as written.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { guid } from '../github.mjs';

const padded_bytes = 1024 * 1024;
const padded_event = 'push';
const least = 60;

/// The payload with its commit message grown until the body has exactly `size` bytes. The filling
/// holds what is easily damaged on the way: escapes, two- to four-byte characters, line ends.
function padded(payload, size) {
    const unit = 'tidings \u00e9\u20ac\u{1f4e8} "quoted" \\ \n\t';
    const body_of = (filling) => {
        const head_commit = { ...payload.head_commit, message: filling };
        return Buffer.from(JSON.stringify({ ...payload, head_commit }));
    };
    const empty = body_of('').length;
    const units = Math.floor((size - empty) / (body_of(unit).length - empty));
    const nearly = unit.repeat(units);
    return body_of(nearly + '.'.repeat(size - body_of(nearly).length));
}

const out = process.argv[2];
if (!out) {
    console.error('usage: node payloads.mjs OUT_DIR');
    process.exit(2);
}
mkdirSync(out, { recursive: true });

const kinds = new Map();
for (const { name, examples } of createRequire(import.meta.url)('@octokit/webhooks-examples')) {
    for (const example of examples) {
        const kind = typeof example.action === 'string' ? `${name}.${example.action}` : name;
        if (!kinds.has(kind)) kinds.set(kind, { event: name, payload: example });
    }
}

const feed = [];
for (const [kind, { event, payload }] of kinds) {
    const number = feed.length + 1;
    const file = `${String(number).padStart(3, '0')}.json`;
    // GitHub sends compact JSON. Every third body is indented instead: bytes that a route which
    // parses and prints again would change, and line ends that SSE must split and join.
    const body = kind === padded_event ? padded(payload, padded_bytes)
        : Buffer.from(JSON.stringify(payload, null, number % 3 === 0 ? 2 : 0));
    writeFileSync(join(out, file), body);
    feed.push({ file, event, delivery: guid(`${number} ${kind}`), type: `com.github.${kind}` });
}

const bodies = feed.map(({ file }) => readFileSync(join(out, file)));
const expected = feed.map(({ delivery, type }, i) =>
    `${delivery} ${type} ${createHash('sha256').update(bodies[i]).digest('hex')}\n`);
if (feed.length < least || new Set(expected).size !== feed.length
    || bodies.filter((body) => body.length === padded_bytes).length !== 1) {
    console.error(`payloads: ${feed.length} payloads, and not what the check needs`);
    process.exit(1);
}
writeFileSync(join(out, 'feed.json'), JSON.stringify(feed, null, 1));
writeFileSync(join(out, 'expected.txt'), expected.join(''));
console.log(`payloads: ${feed.length} different events, ${bodies.reduce((n, b) => n + b.length, 0)} bytes`);
