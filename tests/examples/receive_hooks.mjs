// SPDX-License-Identifier: BSL-1.0
// The other end of a webhook or REST hook, without the library.
import { strict as assert } from "node:assert";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import http from "node:http";

// A webhook's target: keeps what came, and answers 204 or what `answer` says to it.
export async function receive_hooks({
    server = http.createServer(), answer = () => ({ status: 204 }),
} = {}) {
    const came = [];
    let more = () => {};
    server.on("request", async (request, response) => {
        const pieces = [];
        for await (const piece of request) pieces.push(piece);
        const { method, url: path, headers } = request;
        const one = { method, path, headers, body: Buffer.concat(pieces).toString() };
        const { status, fields = {}, body = "" } = answer(one);
        came.push(one);
        response.writeHead(status, fields).end(body);
        more();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${server.address().port}/hook`;
    const until = async (count) => {
        while (came.length < count) await new Promise((now) => (more = now));
        return came;
    };
    return { url, until, came };
}

// Standard Webhooks: `v1` over id, time and body.
export function assert_signed({ headers, body }, secret) {
    const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
    assert.equal(headers["webhook-signature"],
        "v1," + createHmac("sha256", key).update(signed).digest("base64"));
}
