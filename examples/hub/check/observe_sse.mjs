// SPDX-License-Identifier: BSL-1.0
// Writes one line per event that arrives over Server-Sent Events, read byte by byte from Node's
// `fetch`, by the rules of WHATWG HTML 9.2.6 and with no library.
//
//     node observe_sse.mjs EVENTS_URL OUT_FILE [LOSE]
//
// Of the LOSE-th event it takes no notice, as a test of the comparison of the lists.
// Prints `observer: ready` when subscribed. When the stream ends, for whatever reason, it comes back,
// as a browser does, and goes on behind the last event it has. Ends with 0 on SIGTERM, with 1 when
// anything is not as it must be, and when there has been no hub for 20 s.
import { openSync, writeSync } from 'node:fs';
import { line_of, open_envelope } from './envelope.mjs';

const lf = 0x0a, cr = 0x0d, colon = 0x3a, space = 0x20;

/// Takes the body in pieces and calls `on_event({event, id, data})`; `data` is bytes.
function sse_reader(on_event) {
    let line = [];          // pieces of the line under way
    let after_cr = false;   // an LF that comes next belongs to the CR before it
    let first_line = true;
    let data = [], event = '', id = '';

    function end_of_line() {
        let bytes = Buffer.concat(line);
        line = [];
        if (first_line && bytes.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf]))) {
            bytes = bytes.subarray(3);
        }
        first_line = false;
        if (bytes.length === 0) {
            if (data.length > 0) {
                const joined = data.flatMap((piece, i) => i === 0 ? [piece] : [Buffer.from('\n'), piece]);
                on_event({ event: event || 'message', id, data: Buffer.concat(joined) });
            }
            data = [];
            event = '';
            return;
        }
        const at = bytes.indexOf(colon);
        if (at === 0) return; // a comment
        const name = bytes.subarray(0, at < 0 ? bytes.length : at).toString();
        let value = at < 0 ? Buffer.alloc(0) : bytes.subarray(at + 1);
        if (value[0] === space) value = value.subarray(1);
        if (name === 'data') data.push(value);
        else if (name === 'event') event = value.toString();
        else if (name === 'id' && !value.includes(0)) id = value.toString();
    }

    return (piece) => {
        let begin = 0;
        for (let at = 0; at < piece.length; ++at) {
            const byte = piece[at];
            if (byte === lf && after_cr) {
                begin = at + 1;
            } else if (byte === lf || byte === cr) {
                line.push(piece.subarray(begin, at));
                begin = at + 1;
                end_of_line();
            }
            after_cr = byte === cr;
        }
        if (begin < piece.length) line.push(Buffer.from(piece.subarray(begin)));
    };
}

const [url, file, lose] = process.argv.slice(2);
if (!file) {
    console.error('usage: node observe_sse.mjs EVENTS_URL OUT_FILE [LOSE]');
    process.exit(2);
}
const out = openSync(file, 'w');
let received = 0;
process.on('SIGTERM', () => process.exit(0));

let last_id = '';

async function read_stream(on_open) {
    const headers = { 'Accept': 'text/event-stream', 'Cache-Control': 'no-cache' };
    if (last_id !== '') headers['Last-Event-ID'] = last_id;
    const response = await fetch(url, { headers, redirect: 'error' });
    const type = response.headers.get('content-type') ?? '';
    if (response.status !== 200 || !/^text\/event-stream\s*(;|$)/i.test(type)) {
        throw new Error(`answered ${response.status} ${type}`);
    }
    on_open();
    const read = sse_reader(({ event, id, data }) => {
        last_id = id;
        if (++received === Number(lose)) return;
        const opened = open_envelope(data);
        if (event === 'message' && id === '') throw new Error(`event ${opened.id} came without a position`);
        writeSync(out, line_of(opened));
    });
    for await (const piece of response.body) read(Buffer.from(piece));
}

// What fetch throws where there is no connection, or one that was torn.
const is_torn = (e) => e instanceof TypeError && (e.cause !== undefined || e.message === 'terminated');

for (let torn_since = 0; ;) {
    try {
        await read_stream(() => {
            if (torn_since === 0) console.log('observer: ready');
            torn_since = 0;
        });
    } catch (e) {
        if (received === 0 || !is_torn(e) || (torn_since && Date.now() - torn_since > 20_000)) {
            console.error(`observer: ${e.cause?.message ?? e.message}`);
            process.exit(1);
        }
    }
    torn_since ||= Date.now();
    await new Promise((done) => setTimeout(done, 100));
}
