// SPDX-License-Identifier: BSL-1.0
// Posts webhooks as GitHub does: headers, compact delivery, HMAC-SHA256 over the body's bytes.
import { createHash, createHmac } from 'node:crypto';

/// `X-Hub-Signature-256` of a body.
export function sign(body, secret) {
    return 'sha256=' + createHmac('sha256', secret).update(body).digest('hex');
}

/// A GUID that depends on the text alone, so that a run can be repeated to the byte.
export function guid(text) {
    const h = createHash('sha256').update(text).digest('hex');
    return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-8${h.slice(17, 20)}-${h.slice(20, 32)}`;
}

/// Sends one delivery to `url` and gives `{status, text}`; throws only when no answer came.
export async function deliver(url, { event, delivery, body, secret, signature }) {
    const response = await fetch(url, {
        method: 'POST',
        headers: {
            'Content-Type': 'application/json',
            'User-Agent': 'GitHub-Hookshot/tidings',
            'X-GitHub-Event': event,
            'X-GitHub-Delivery': delivery,
            'X-Hub-Signature-256': signature ?? sign(body, secret),
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(10_000), // GitHub's own limit
    });
    return { status: response.status, text: await response.text() };
}
