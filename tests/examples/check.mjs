// SPDX-License-Identifier: BSL-1.0
// Runs one example program as its reader would, and checks what it says: node check.mjs NAME PROGRAM
import { createRequire } from "node:module";
import { strict as assert } from "node:assert";
import { createHmac } from "node:crypto";
import http from "node:http";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert_signed, receive_hooks } from "./receive_hooks.mjs";
import { listening_port, start_program, stop } from "./running.mjs";

const [name, program] = process.argv.slice(2);

// By line even into a pipe, as a reader at a terminal sees it.
const start_in = (env, ...args) => start_program("stdbuf", ["-oL", program, ...args], { env });
const start = (...args) => start_in({}, ...args);

// What GitHub would post to a hub, signed with this secret.
function push_to(hub, secret, headers = {}) {
    return fetch(`${hub}/in/github`, {
        method: "POST", body: "{}", headers: {
            "Content-Type": "application/json", "X-GitHub-Event": "push", "X-GitHub-Delivery": secret,
            "X-Hub-Signature-256": "sha256=" + createHmac("sha256", secret).update("{}").digest("hex"),
            ...headers,
        },
    });
}

function subscribe_hook(hub, event, target_url, secret, headers = {}) {
    return fetch(`${hub}/hooks`, {
        method: "POST", body: JSON.stringify({ event, target_url, secret }),
        headers: { "Content-Type": "application/json", ...headers },
    });
}

const ws = () => createRequire(new URL("../../examples/hub/check/package.json", import.meta.url))("ws");

const checks = {
    // On a port of the system's, with its webhook sent here (CMakeLists.txt says what was replaced).
    async quickstart() {
        const hooks = await receive_hooks();
        const running = start_in({ HOOK_URL: hooks.url });
        assert.equal(await running.line("orders.42.created "), '{"total":99}');
        const server = `http://127.0.0.1:${await listening_port(running)}`;
        const answer = await fetch(`${server}/topics/orders.43.created`, {
            method: "POST", body: '{"total":7}', headers: { "Content-Type": "application/json" },
        });
        assert.equal(answer.status, 202);
        assert.equal(await running.line("orders.43.created "), '{"total":7}');
        const read = await fetch(`${server}/topics/orders.%3E?after=`);
        assert.deepEqual((await read.json()).map((e) => e.data.total), [99, 7]);
        assert.deepEqual(await (await fetch(`${server}/hooks`)).json(), []);
        const delivered = await hooks.until(2);
        for (const hook of delivered) assert_signed(hook, "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
        assert.deepEqual(delivered.map((hook) => JSON.parse(hook.body).total), [99, 7]);
        await stop(running);
    },

    // The admin listener: probes, metrics, and what a drain changes.
    async hub() {
        const webhook = await receive_hooks(), rest_hook = await receive_hooks();
        const key = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        const running = start("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
            "--webhook", webhook.url, "--webhook-secret", key, "--webhook-topic", "a.>");
        const hub = await running.line("hub: listening on ");
        const secret = await running.line("hub: secret of /in/github for this run ");
        const admin = (await running.line("hub: admin on ")).replace(/\/$/, "");
        const get = async (path) => {
            const answer = await fetch(admin + path);
            return { status: answer.status, text: await answer.text() };
        };
        for (const probe of ["/livez", "/readyz"]) assert.equal((await get(probe)).status, 200, probe);
        assert.equal((await get("/nothing")).status, 404);

        // The secret it made for this run is the one it verifies with.
        assert.equal((await push_to(hub, "guessed")).status, 401);
        assert.equal((await push_to(hub, secret)).status, 202);

        // A stream is open, a hook stands, and events go through: the numbers show all of it.
        const stream = await new Promise((got) => http.get(`${hub}/events?topic=a.b`, got));
        const publish = (topic) => fetch(`${hub}/topics/${topic}`, { method: "POST", body: "x" });
        assert.equal((await publish("a.a")).status, 202);
        const hook = await subscribe_hook(hub, "a.>", rest_hook.url, key);
        assert.equal(hook.status, 201);
        assert.equal((await publish("a.b")).status, 202);
        await new Promise((event) => stream.on("data", (t) => t.includes("data:") && event()));
        for (const one of [...await webhook.until(2), ...await rest_hook.until(1)]) assert_signed(one, key);
        // That an answer came counts, and the hub reads it a moment after the target has sent it.
        let metrics;
        do metrics = (await get("/metrics")).text;
        while (!/route="webhook"} 2$/m.test(metrics) || !/route="rest_hook"} 1$/m.test(metrics));
        const samples = new Map();
        let typed;
        for (const line of metrics.trimEnd().split("\n")) {
            const type = /^# TYPE ([a-z_:]+) (counter|gauge)$/.exec(line);
            const sample = /^([a-z_:]+)(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? (-?\d+)$/.exec(line);
            assert.ok(type || sample, `not the text format 0.0.4: ${line}`);
            if (type) typed = type[1];
            else {
                assert.equal(sample[1], typed, "each sample stands below its type");
                samples.set(line.slice(0, line.lastIndexOf(" ")), Number(sample[4]));
            }
        }
        assert.equal(samples.get("tidings_events_published_total"), 3);
        assert.equal(samples.get('tidings_route_events_total{route="bus"}'), 3);
        assert.equal(samples.get('tidings_route_events_total{route="webhook"}'), 2);
        assert.equal(samples.get('tidings_route_events_total{route="rest_hook"}'), 1);
        assert.equal(samples.get('tidings_events_sent_total{transport="sse"}'), 1);
        assert.equal(samples.get('tidings_clients{transport="sse"}'), 1);
        const status = JSON.parse((await get("/status")).text);
        assert.deepEqual(status.routes, { bus: 3, websocket: 0, sse: 1, webhook: 2, rest_hook: 1 });
        assert.equal(status.clients.sse, 1);

        // A request under way holds up the drain: alive, but not ready any more.
        const waiting = http.request(`${hub}/topics/a.c`, {
            method: "POST", headers: { "Content-Length": 3, Expect: "100-continue" },
        });
        const answered = new Promise((answer, failed) =>
            waiting.on("response", answer).on("error", failed));
        const wanted = new Promise((go) => waiting.on("continue", go));
        waiting.flushHeaders();
        await wanted; // the hub has it
        running.child.kill("SIGINT");
        for (;;) {
            const ready = await get("/readyz");
            if (ready.status === 503) break;
            assert.equal(ready.status, 200);
        }
        assert.equal((await get("/livez")).status, 200);
        waiting.end("123");
        assert.equal((await answered).statusCode, 202);
        await running.line("hub: drained");
        assert.equal(await running.exit, 0);
    },

    // Without a token tickets are for this machine's own requests.
    async hub_tickets() {
        const running = start("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0");
        const admin = new URL(await running.line("hub: admin on "));
        const status = (headers) => new Promise((done, failed) => {
            http.request(new URL("portal/tickets", admin), { method: "POST", headers },
                (answer) => answer.resume().on("end", () => done(answer.statusCode))).on("error", failed).end();
        });
        assert.equal(await status({}), 201);
        assert.equal(await status({ "X-Forwarded-For": "192.0.2.1" }), 403);
        assert.equal(await status({ Origin: "http://evil.example" }), 403);
        const rebound = `evil.example:${admin.port}`;
        assert.equal(await status({ Host: rebound, Origin: `http://${rebound}` }), 421);
        await stop(running);
    },

    // With --token a caller without one is refused by every mount but the webhooks' inlet, which goes by
    // the signature.
    async hub_token() {
        const { WebSocket } = ws();
        const hooks = await receive_hooks();
        const secret = "of github", key = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        for (const listen of ["127.0.0.1:0", "127.0.0.2:0"]) {
            const running = start("--listen", listen, "--admin", "127.0.0.1:0", "--token", "a-token",
                "--github-secret", secret);
            const hub = await running.line("hub: listening on ");
            const publish = (headers) => fetch(`${hub}/topics/a.b`, {
                method: "POST", body: '{"total":99}',
                headers: { "Content-Type": "application/json", ...headers },
            });
            const get = (path, headers) => fetch(hub + path, { headers });
            const admin = await running.line("hub: admin on ");
            const ticket = (headers) =>
                fetch(new URL("portal/tickets", admin), { method: "POST", headers });
            // What the handshake was answered: 101 when it opened, and then the socket too.
            const socket = (headers) => new Promise((done) => {
                const one = new WebSocket(`${hub.replace("http", "ws")}/ws?topic=a.b`, "cloudevents.json",
                    { headers });
                one.on("open", () => done({ status: 101, one }));
                one.on("unexpected-response", (_, { statusCode }) => done({ status: statusCode }));
                one.on("error", () => {});
            });

            for (const authorization of [undefined, "Bearer another", "Bearer", "Basic YS10b2tlbjo="]) {
                const headers = authorization ? { Authorization: authorization } : {};
                const statuses = await Promise.all([
                    publish(headers), get("/topics/a.b?after=", headers),
                    get("/events?topic=a.b", headers), socket(headers), get("/hooks", headers),
                    subscribe_hook(hub, "a.b", hooks.url, key, headers), ticket(headers),
                ]);
                assert.deepEqual(statuses.map(({ status }) => status), Array(7).fill(401),
                    `${listen} ${authorization}`);
            }
            const known = { Authorization: "Bearer a-token" };
            assert.match(await (await ticket(known)).text(), /\/portal\/#ticket=[0-9a-f]{64}\n$/);
            const foreign = await ticket({ ...known, Origin: "http://evil.example" });
            assert.equal(foreign.status, 403);

            const headers = { Authorization: "Bearer a-token" };
            const { status, one } = await socket(headers);
            assert.equal(status, 101);
            const over_websocket = new Promise((got) => one.once("message", (m) => got(JSON.parse(m))));
            const events = await get("/events?topic=a.b", headers);
            assert.equal(events.status, 200);
            assert.equal((await subscribe_hook(hub, "a.b", hooks.url, key, headers)).status, 201);
            assert.equal((await (await get("/hooks", headers)).json()).length, 1);
            assert.equal((await publish(headers)).status, 202);
            assert.deepEqual((await over_websocket).data, { total: 99 });
            let seen = "";
            for await (const bytes of events.body) {
                seen += Buffer.from(bytes);
                if (seen.includes('"data":{"total":99}')) break;
            }
            const read = await (await get("/topics/a.b?after=", headers)).json();
            assert.deepEqual(read.map((e) => e.data.total), [99]); // no other was published
            const count = listen === "127.0.0.1:0" ? 1 : 2;
            assert_signed((await hooks.until(count))[count - 1], key);
            one.close();

            assert.equal((await push_to(hub, secret)).status, 202);
            assert.equal((await push_to(hub, "guessed")).status, 401);
            assert.equal((await push_to(hub, "guessed", headers)).status, 401);
            assert.equal((await fetch(`${hub}/in/github`, { method: "POST", body: "{}", headers })).status, 401);
            await stop(running);
        }
    },

    async in_process_bus() {
        const running = start();
        assert.equal(await running.exit, 0);
        assert.deepEqual(running.text().trim().split("\n"), [
            "matched 2",
            "orders.42.placed number 42 id order-42",
            "orders.42.paid amount 99.5 because of order-42",
        ]);
    },

    async interchangeable() {
        for (const transport of ["bus", "websocket", "sse", "webhook", "rest_hook", "rest_topics"]) {
            const running = start(transport);
            assert.equal(await running.exit, 0, transport);
            assert.deepEqual(running.text().trim().split("\n"), [1, 2, 3].map(
                (n) => `orders.${n}.created order-${n} {"total":${10 * n}}`), transport);
        }
        assert.equal(await start("pigeon").exit, 2);
    },

    async game_tick() {
        const { WebSocket } = ws();
        const running = start();
        const port = await running.line("listening ");
        const page = await fetch(`http://127.0.0.1:${port}/`);
        assert.match(await page.text(), /<canvas/);
        const socket = new WebSocket(`ws://127.0.0.1:${port}/ws?topic=world.%3E`, "cloudevents.json");
        const at = new Map();
        let moves = 0;
        await new Promise((all) => socket.on("message", (text) => {
            const { topic, type, data } = JSON.parse(text);
            assert.equal(type, "game.entity.moved");
            // By one step along a rectangle.
            const was = at.get(topic);
            if (was) assert.equal(Math.abs(was.x - data.x) + Math.abs(was.y - data.y), 1);
            at.set(topic, data);
            if (++moves === 32 * 20) all();
        }));
        assert.equal(at.size, 32);
        socket.close();
        await stop(running);
    },

    async webhook_sender() {
        const key = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        const [first, second] = [await receive_hooks(), await receive_hooks()];
        const send = (urls, input) => {
            const running = start_program(program, ["--secret", key, "--local", ...urls],
                { stdio: ["pipe", "pipe", "pipe"] });
            running.child.stdin.end(input);
            return running;
        };
        const lines = ['{"total":99}', "plain text", ...Array(100).fill("again")];
        const running = send([first.url, second.url], lines.join("\n") + "\n");
        assert.equal(await running.exit, 0, running.text());
        for (const target of [first, second]) {
            const hooks = await target.until(lines.length);
            assert.deepEqual(hooks.map((hook) => hook.body).sort(), [...lines].sort());
            hooks.forEach((hook) => assert_signed(hook, key));
            assert.equal(new Set(hooks.map((hook) => hook.headers["webhook-id"])).size, lines.length);
            const json = hooks.find((hook) => hook.body === lines[0]);
            assert.equal(json.headers["content-type"], "application/json");
        }
        assert.equal(running.text().match(/^102 of 102 delivered$/gm).length, 2);

        // What is not delivered shows in the exit code, and so does what cannot be sent to.
        const refusing = http.createServer((_, answer) => answer.writeHead(500).end());
        await new Promise((ready) => refusing.listen(0, "127.0.0.1", ready));
        const failing = send([`http://127.0.0.1:${refusing.address().port}/`], "x\n");
        assert.equal(await failing.exit, 1);
        assert.match(failing.text(), /attempt 1, status 500, again in \d+ ms/);
        assert.match(failing.text(), /^0 of 1 delivered$/m);
        refusing.close();
        assert.equal(await send(["nonsense"], "").exit, 2);
        assert.equal(await start_program(program, ["--secret", "whsec_!", first.url]).exit, 2);
        assert.equal(await start_program(program, [first.url]).exit, 2);
    },

    async webhook_receiver() {
        const { Webhook } = createRequire(new URL("../interop/package.json", import.meta.url))("standardwebhooks");
        const key = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        const running = start(key, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        const port = await running.line("listening ");
        const body = '{"type":"user.created","timestamp":"2022-11-03T20:26:10.344522Z","data":{"id":7}}';
        const post = (id, secret = key, sent = body) => fetch(`http://127.0.0.1:${port}/hook`, {
            method: "POST", body: sent, headers: {
                "Content-Type": "application/json", "webhook-id": id,
                "webhook-timestamp": String(Math.floor(Date.now() / 1000)),
                "webhook-signature": new Webhook(secret).sign(id, new Date(), body),
            },
        });
        assert.equal((await post("one")).status, 202);
        assert.equal((await post("one")).status, 202, "a repeated delivery is answered");
        assert.equal((await post("two", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).status, 202);
        assert.equal((await post("three", "whsec_plJ3nmyCDGBKInavdOK15jsl")).status, 401);
        assert.equal((await post("four", key, body.replace("7", "8"))).status, 401);
        assert.equal((await fetch(`http://127.0.0.1:${port}/hook`)).status, 405);
        await stop(running);
        assert.deepEqual(running.text().trim().split("\n").slice(1),
            ["one", "two"].map((id) => `user.created ${id} ${body}`));
        assert.equal(await start("whsec_!").exit, 2);
        assert.equal(await start().exit, 2);
    },

    async build_on_push() {
        const key = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", secret = "of github";
        const reports = await receive_hooks();
        const script = 'echo "$BUILD_REPOSITORY $BUILD_REF $BUILD_COMMIT"; echo to stderr >&2; ' +
            'case $BUILD_REF in *bad) exit 3;; *slow) sleep 60;; *silent) exec >&- 2>&-; exit 4;; esac';
        const running = start("--secret", secret, "--report", reports.url, "--report-secret", key,
            "--local", "--timeout", "5", "--", "sh", "-c", script);
        const server = `http://127.0.0.1:${await running.line("listening ")}`;
        const push = (id, ref, more = {}, to = server) => {
            const body = JSON.stringify({
                ref: `refs/heads/${ref}`, after: "f00d", repository: { full_name: "a/b" }, ...more,
            });
            return fetch(`${to}/github`, {
                method: "POST", body, headers: {
                    "Content-Type": "application/json", "X-GitHub-Event": "push", "X-GitHub-Delivery": id,
                    "X-Hub-Signature-256": "sha256=" + createHmac("sha256", secret).update(body).digest("hex"),
                },
            });
        };
        assert.match(await (await fetch(`${server}/`)).text(), /<title>build_on_push/);
        assert.equal((await fetch(`${server}/nothing`)).status, 404);
        assert.equal((await push("one", "main")).status, 202);
        assert.equal((await push("one", "main")).status, 202, "a repeated delivery is answered");
        assert.equal((await push("two", "bad")).status, 202);
        assert.equal((await push("gone", "bad", { deleted: true })).status, 202);
        assert.equal((await push("odd", "bad", { after: 7 })).status, 202);
        assert.equal((await push("three", "slow")).status, 202);
        assert.equal((await push("four", "silent")).status, 202);
        const outcomes = (await reports.until(4)).map((report) => {
            assert_signed(report, key);
            return JSON.parse(report.body);
        });
        assert.deepEqual(outcomes.map((o) => [o.ref, o.exit_code, o.timed_out]), [
            ["refs/heads/main", 0, false], ["refs/heads/bad", 3, false],
            ["refs/heads/slow", 137, true], ["refs/heads/silent", 4, false],
        ]);
        assert.equal(new Set(reports.came.map((r) => r.headers["webhook-id"])).size, 4);

        // A browser that comes late gets it all, in order.
        const stream = await fetch(`${server}/events?topic=build.%3E&after=`);
        const seen = [];
        let rest = "";
        read: for await (const bytes of stream.body) {
            const parts = (rest + Buffer.from(bytes)).split("\n\n");
            rest = parts.pop();
            for (const part of parts) {
                const data = part.split("\n").find((line) => line.startsWith("data:"));
                if (data) seen.push(JSON.parse(data.slice(5)));
                if (seen.filter((e) => e.type === "build.finished").length === 4) break read;
            }
        }
        assert.deepEqual(seen.slice(0, 4).map((e) => [e.topic, e.data.exit_code ?? e.data.ref ?? e.data]), [
            ["build.1.started", "refs/heads/main"], ["build.1.output", "a/b refs/heads/main f00d"],
            ["build.1.output", "to stderr"], ["build.1.finished", 0],
        ]);
        assert.equal(seen.filter((e) => e.type === "build.started").length, 4, "none was built twice");
        assert.equal((await fetch(`${server}/github`, { method: "POST", body: "{}" })).status, 401);
        await stop(running);

        // A build that is under way when it is to end is finished first, and reported.
        const folder = mkdtempSync(join(tmpdir(), "build_on_push-"));
        process.on("exit", () => rmSync(folder, { recursive: true }));
        const ending = start("--secret", secret, "--report", reports.url, "--report-secret", key,
            "--local", "--", "sh", "-c", `echo begun; until [ -e ${folder}/go ]; do sleep 0.02; done; exit 5`);
        const other = `http://127.0.0.1:${await ending.line("listening ")}`;
        const events = await fetch(`${other}/events?topic=build.%3E`);
        assert.equal((await push("five", "main", {}, other)).status, 202);
        let begun = "";
        for await (const bytes of events.body) if ((begun += Buffer.from(bytes)).includes("begun")) break;
        ending.child.kill("SIGINT");
        // Pushes are taken until it has seen the signal: each is another, or it would be a duplicate.
        for (let n = 0, taken = true; taken; ++n) {
            const answer = await push(`late ${n}`, `late_${n}`, {}, other).catch(() => ({ status: 503 }));
            assert.ok([202, 503].includes(answer.status), `status ${answer.status}`);
            taken = answer.status === 202;
        }
        writeFileSync(join(folder, "go"), "");
        assert.equal(await ending.exit, 0);
        assert.equal(JSON.parse((await reports.until(5))[4].body).exit_code, 5);
        assert.equal(await start("--secret", "x").exit, 2);
    },

    async websocket_echo() {
        const { WebSocket, WebSocketServer } = ws();
        const running = start();
        const port = await running.line("listening ");
        const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
        await new Promise((open) => socket.on("open", open));
        for (const sent of ["hello", "", "ünïcode ✓", Buffer.alloc(200_000, 7)]) {
            socket.send(sent);
            const [back, binary] = await new Promise((got) => socket.once("message", (...m) => got(m)));
            assert.equal(binary, Buffer.isBuffer(sent));
            assert.ok(Buffer.from(sent).equals(back));
        }
        socket.close(1000, "done");
        assert.equal(await new Promise((closed) => socket.on("close", closed)), 1000);
        await stop(running);

        const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
        await new Promise((ready) => server.on("listening", ready));
        const echoed = new Promise((done) => server.on("connection", (peer) => {
            peer.send("from the server");
            peer.on("message", (text) => {
                done(text.toString());
                peer.close(1000, "bye");
            });
        }));
        const client = start("--connect", `ws://127.0.0.1:${server.address().port}/x`);
        assert.equal(await echoed, "from the server");
        assert.equal(await client.exit, 0);
        assert.match(client.text(), /^closed 1000 bye$/m);
        server.close();
        assert.equal(await start("--connect", "nonsense").exit, 1);
    },

    async ndjson_transport() {
        const running = start();
        const server = `http://127.0.0.1:${await running.line("listening ")}`;
        // A line end in the data is none of the stream.
        const publish = (n) => fetch(`${server}/topics/orders.${n}`, {
            method: "POST", body: `{\n"n":${n}}`, headers: { "Content-Type": "application/json" },
        });
        const lines = async function* (query, headers) {
            const answer = await fetch(`${server}/ndjson?topic=orders.%3E${query}`, { headers });
            assert.equal(answer.status, 200);
            assert.equal(answer.headers.get("content-type"), "application/x-ndjson");
            let rest = "";
            for await (const bytes of answer.body) {
                const all = (rest + Buffer.from(bytes)).split("\n");
                rest = all.pop();
                yield* all.map((line) => JSON.parse(line));
            }
        };
        const number = (e) => JSON.parse(Buffer.from(e.data_base64, "base64")).n;
        const take = async (count, query, headers) => {
            const seen = [];
            for await (const e of lines(query, headers)) {
                assert.equal(e.specversion, "1.0");
                if (e.type === "tidings.heartbeat") continue;
                if (seen.push(e) === count) return seen;
            }
        };
        for (const n of [1, 2, 3]) assert.equal((await publish(n)).status, 202);
        const all = await take(3, "&after=");
        assert.deepEqual(all.map(number), [1, 2, 3]);
        assert.deepEqual(all.map((e) => e.topic), ["orders.1", "orders.2", "orders.3"]);
        assert.deepEqual((await take(2, `&after=${all[0].position}`)).map(number), [2, 3]);
        const headers = { "Last-Event-ID": all[1].position };
        assert.deepEqual((await take(1, "", headers)).map(number), [3]);
        assert.equal((await take(1, "&after=elsewhere:7"))[0].type, "tidings.gap");

        // A stream that is idle says so, with a position; a drain ends its body in an orderly way.
        const live = lines("");
        for (let beats = 0; beats < 2; ++beats) {
            const { value } = await live.next();
            assert.equal(value.type, "tidings.heartbeat");
            assert.equal(value.position, all[2].position);
        }
        assert.equal((await publish(4)).status, 202);
        assert.equal(number((await live.next()).value), 4);
        assert.equal((await fetch(`${server}/ndjson`)).status, 400);
        assert.equal((await fetch(`${server}/ndjson?topic=a`, { method: "PUT" })).status, 405);
        running.child.kill("SIGINT");
        for (;;) if ((await live.next()).done) break;
        assert.equal(await running.exit, 0);
        assert.equal(await start("--port").exit, 2);
    },

    async embed_in_beast_server() {
        const running = start();
        const port = await running.line("listening ");
        const stream = await new Promise((got, failed) =>
            http.get(`http://127.0.0.1:${port}/events?topic=orders.%3E`, got).on("error", failed));
        assert.equal(stream.statusCode, 200);
        const { WebSocket } = ws();
        const socket = new WebSocket(`ws://127.0.0.1:${port}/ws?topic=orders.%3E`, "cloudevents.json");
        await new Promise((open) => socket.on("open", open));
        const message = new Promise((got) => socket.once("message", (text) => got(JSON.parse(text))));
        const answer = await fetch(`http://127.0.0.1:${port}/order`, {
            method: "POST", body: '{"total":5}',
        });
        assert.equal((await answer.text()).trim(), "2");
        assert.deepEqual((await message).data, { total: 5 });
        let seen = "";
        for await (const bytes of stream) {
            seen += bytes;
            if (seen.includes('"data":{"total":5}')) break;
        }
        socket.terminate();
        assert.equal((await fetch(`http://127.0.0.1:${port}/nothing`)).status, 404);
        await stop(running);
    },
};

const ceiling = setTimeout(() => {
    console.error(`${name}: not done after 60 s`);
    process.exit(1);
}, 240_000);
await checks[name]();
clearTimeout(ceiling);
console.log(`${name}: ok`);
process.exit(0);
