// SPDX-License-Identifier: BSL-1.0
// Writes one line per event that arrives over WebSocket, read by npm `ws`.
//
//     node observe_websocket.mjs WS_URL OUT_FILE [LOSE]
//
// Of the LOSE-th event it takes no notice, as a test of the comparison of the lists.
// Prints `observer: ready` when subscribed. When the connection is torn it comes back, and goes on
// behind the last event it has. Ends with 0 when the hub closes or on SIGTERM, with 1 when anything
// is not as it must be.
import { openSync, writeSync } from 'node:fs';
import WebSocket from 'ws';
import { line_of, open_envelope } from './envelope.mjs';

const [url, file, lose] = process.argv.slice(2);
if (!file) {
    console.error('usage: node observe_websocket.mjs WS_URL OUT_FILE [LOSE]');
    process.exit(2);
}
const out = openSync(file, 'w');
let received = 0;
let after = '';
let torn_since = 0; // in milliseconds; 0: it is not

function fail(why) {
    console.error(`observer: ${why}`);
    process.exit(1);
}

function connect() {
    const place = after === '' ? '' : `&after=${encodeURIComponent(after)}`;
    const socket = new WebSocket(url + place, 'cloudevents.json', { perMessageDeflate: false });
    socket.on('open', () => {
        if (socket.protocol !== 'cloudevents.json') fail(`subprotocol "${socket.protocol}"`);
        if (torn_since === 0) console.log('observer: ready');
        torn_since = 0;
    });
    socket.on('message', (bytes, is_binary) => {
        if (is_binary) fail('a binary message, where cloudevents.json has only text');
        try {
            const opened = open_envelope(bytes);
            after = opened.position ?? after;
            if (++received !== Number(lose)) writeSync(out, line_of(opened));
        } catch (e) {
            fail(`a message that is no event: ${e.message}: ${bytes.toString().slice(0, 200)}`);
        }
    });
    let why = '';
    socket.on('error', (e) => { why = e.message; });
    socket.on('close', (code) => {
        // 1001: the hub goes away in good order. 1006 and the like are a torn connection.
        if (code === 1000 || code === 1001) process.exit(0);
        torn_since ||= Date.now();
        if (received === 0 || Date.now() - torn_since > 20_000) fail(why || `closed with ${code}`);
        setTimeout(connect, 100);
    });
}
connect();
process.on('SIGTERM', () => process.exit(0));
