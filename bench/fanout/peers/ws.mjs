// SPDX-License-Identifier: BSL-1.0
//
// npm ws on node's http server: how most servers on node are written.

import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const sockets = new Set();
const streams = new Set();

function publish(data) {
    for (const socket of sockets) socket.send(data, { binary: false });
    if (streams.size === 0) return;
    const event = Buffer.from(`data: ${data}\n\n`);
    for (const stream of streams) stream.write(event);
}

const server = createServer((request, response) => {
    if (!request.url.startsWith('/events?')) return response.writeHead(404).end();
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    response.flushHeaders();
    streams.add(response);
    response.on('close', () => streams.delete(response));
});

const upgrader = new WebSocketServer({ noServer: true, perMessageDeflate: false });
server.on('upgrade', (request, socket, head) => {
    upgrader.handleUpgrade(request, socket, head, (connection) => {
        if (request.url.startsWith('/pub?')) {
            connection.on('message', publish);
        } else {
            sockets.add(connection);
            connection.on('close', () => sockets.delete(connection));
        }
    });
});

server.listen({ port: Number(process.argv[2] ?? 0), host: '127.0.0.1', backlog: 4096 }, () => {
    console.log(`listening ${server.address().port}`);
});
