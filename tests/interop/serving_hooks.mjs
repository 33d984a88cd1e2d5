// SPDX-License-Identifier: BSL-1.0
// The program that serves REST hooks, and the internet that it delivers to.
import { strict as assert } from "node:assert";
import https from "node:https";
import { receive_hooks } from "../examples/receive_hooks.mjs";
import { start_program, stop } from "../examples/running.mjs";

export const token = "of-the-api";
const credentials = { authorization: `Bearer ${token}` };

// The program, which delivers to `server` whatever host a URL has.
export async function run_hooks(program, server) {
    const running = start_program(program, ["hooks", `${server.address().port}`, token]);
    server.setSecureContext(JSON.parse(await running.line("certificate ")));
    const port = await running.line("ready ");
    const url = `http://127.0.0.1:${port}`;
    let ended;
    const end = async () => {
        await stop(running);
        server.closeAllConnections();
        await new Promise((closed) => server.close(closed));
    };
    return {
        url, port,
        async get(path) {
            const answer = await fetch(url + path, { headers: credentials });
            return [answer.status, await answer.json()];
        },
        // The receipt of an event.
        async publish(topic, data) {
            const answer = await fetch(`${url}/topics/${topic}`, {
                method: "POST", body: JSON.stringify(data),
                headers: { ...credentials, "content-type": "application/json" },
            });
            assert.equal(answer.status, 202);
            return answer.json();
        },
        // What is owed now is delivered first. May be called again.
        end: () => (ended ??= end()),
    };
}

// `hosts` has by name what answers there: a function from a request to `{ status, fields, body }`.
export async function serve_hooks(program, hosts) {
    const server = https.createServer();
    const target = await receive_hooks({ server, answer: (r) => hosts[r.headers.host](r) });
    const to = (path) => target.came.filter((r) => r.path === path);
    return {
        ...await run_hooks(program, server),
        to,
        // The n-th request to a path.
        async arrival(path, nth = 0) {
            while (to(path).length <= nth) await target.until(target.came.length + 1);
            return to(path)[nth];
        },
    };
}
