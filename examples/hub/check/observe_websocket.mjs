// SPDX-License-Identifier: BSL-1.0
// Writes one line per event that arrives over WebSocket, read by npm `ws`.
//
//     node observe_websocket.mjs WS_URL OUT_FILE [LOSE]
//
// Of the LOSE-th event it takes no notice, as a test of the comparison of the lists.
// Prints `observer: ready` when subscribed. Ends with 0 when the hub closes or on SIGTERM, with 1
// when anything is not as it must be.
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

function fail(why) {
    console.error(`observer: ${why}`);
    process.exit(1);
}

const socket = new WebSocket(url, 'cloudevents.json', { perMessageDeflate: false });
socket.on('open', () => {
    if (socket.protocol !== 'cloudevents.json') fail(`subprotocol "${socket.protocol}"`);
    console.log('observer: ready');
});
socket.on('message', (bytes, is_binary) => {
    if (is_binary) fail('a binary message, where cloudevents.json has only text');
    if (++received === Number(lose)) return;
    try {
        writeSync(out, line_of(open_envelope(bytes)));
    } catch (e) {
        fail(`a message that is no event: ${e.message}: ${bytes.toString().slice(0, 200)}`);
    }
});
socket.on('error', (e) => fail(e.message));
socket.on('close', (code) => {
    // 1001: the hub goes away in good order. 1006 and the like are a torn connection.
    if (code !== 1000 && code !== 1001) fail(`closed with ${code}`);
    process.exit(0);
});
process.on('SIGTERM', () => process.exit(0));
