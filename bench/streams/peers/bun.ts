// SPDX-License-Identifier: BSL-1.0
//
// Bun, which stands on uWebSockets: a bare handler for POST, an echo, streams that subscribe.

const server = Bun.serve<{ echo: boolean }>({
    hostname: '127.0.0.1',
    port: Number(process.argv[2] ?? 0),
    idleTimeout: 0,
    async fetch(request, self) {
        if (request.method === 'POST') {
            await request.text();
            return new Response('{"accepted":true}', {
                status: 202,
                headers: { 'Content-Type': 'application/json' },
            });
        }
        const { pathname } = new URL(request.url);
        if (pathname === '/memory') return new Response('0');
        if (pathname === '/events') {
            const stream = {
                type: 'direct',
                pull(sink: { write(bytes: string): void; flush(): void }) {
                    sink.write(':\n\n');
                    sink.flush();
                    return new Promise<void>(() => {});
                },
            };
            return new Response(new ReadableStream(stream as unknown as UnderlyingSource), {
                headers: { 'Content-Type': 'text/event-stream' },
            });
        }
        if (self.upgrade(request, { data: { echo: pathname === '/echo' } })) return;
        return new Response(null, { status: 404 });
    },
    websocket: {
        idleTimeout: 0,
        perMessageDeflate: false,
        open(socket) {
            if (!socket.data.echo) socket.subscribe('bench');
        },
        message(socket, message) {
            socket.send(message);
        },
    },
});

console.log(`listening ${server.port}`);
