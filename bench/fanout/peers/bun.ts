// SPDX-License-Identifier: BSL-1.0
//
// Bun: uWebSockets' publish for WebSocket, a direct stream per subscriber for events. Direct streams
// cost it less than a controller's enqueue(), and it sends each write at once either way.

type Sink = { write(bytes: Uint8Array): void; flush(): void };

const sinks = new Set<Sink>();
const encoder = new TextEncoder();

function send(sink: Sink, bytes: Uint8Array) {
    sink.write(bytes);
    sink.flush();
}

function publish(text: string) {
    server.publish('bench', text);
    if (sinks.size === 0) return;
    const event = encoder.encode(`data: ${text}\n\n`);
    for (const sink of sinks) send(sink, event);
}

function events(request: Request): Response {
    const stream = {
        type: 'direct',
        pull(sink: Sink) {
            sinks.add(sink);
            // The head of the answer leaves with the first bytes of its body.
            send(sink, encoder.encode(':\n\n'));
            return new Promise<void>((end) => {
                request.signal.addEventListener('abort', () => {
                    sinks.delete(sink);
                    end();
                });
            });
        },
    };
    return new Response(new ReadableStream(stream as unknown as UnderlyingSource), {
        headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' },
    });
}

const server = Bun.serve<{ publisher: boolean }>({
    hostname: '127.0.0.1',
    port: Number(process.argv[2] ?? 0),
    idleTimeout: 0,
    fetch(request, self) {
        const { pathname } = new URL(request.url);
        if (pathname === '/events') return events(request);
        if (self.upgrade(request, { data: { publisher: pathname === '/pub' } })) return;
        return new Response(null, { status: 404 });
    },
    websocket: {
        idleTimeout: 0,
        perMessageDeflate: false,
        open(socket) {
            if (!socket.data.publisher) socket.subscribe('bench');
        },
        message(socket, message) {
            if (socket.data.publisher) publish(message as string);
        },
    },
});

console.log(`listening ${server.port}`);
