// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string_view>

namespace tidings::rest_hook::detail {

/// The module api.js: the manager's API in the name of the session.
inline constexpr std::string_view portal_script_api =
    R"js(/// What a server refused, with what of the request it is about.
export class Refused extends Error {
    constructor(status, problem) {
        const text = problem.detail || problem.title || `The server answered ${status}.`;
        super(problem.member && !text.includes(problem.member) ? `${problem.member}: ${text}` : text);
        this.status = status;
        this.member = problem.member;
        this.problem = problem;
    }
}

export const random_text = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/// One request; gives the answer with its JSON as `value`.
export async function request(method, path, body, headers = {}) {
    const options = { method, headers, cache: 'no-store', credentials: 'same-origin' };
    if (body !== undefined) {
        options.body = JSON.stringify(body);
        headers['Content-Type'] ??= 'application/json';
    }
    let answer;
    try {
        answer = await fetch(path, options);
    } catch {
        throw new Refused(0, { detail: 'The server cannot be reached.' });
    }
    const text = await answer.text();
    let value = null;
    try {
        value = text ? JSON.parse(text) : null;
    } catch { /* of a proxy, perhaps */ }
    if (!answer.ok) {
        const refused = new Refused(answer.status, value ?? {});
        if (answer.status === 401) document.dispatchEvent(new Event('session-ended'));
        throw refused;
    }
    return { value, tag: answer.headers.get('ETag'), next: next_page(answer.headers.get('Link')) };
}

// Only the query: the path may be another one behind a proxy.
function next_page(link) {
    return /\?([^>]*)>; *rel="next"/.exec(link ?? '')?.[1] ?? null;
}

const at = (id, part = '') => `api/${encodeURIComponent(id)}${part}`;
const once = () => ({ 'Idempotency-Key': random_text() });

/// @param replace also where the browser has the session of somebody else, which ends then
export const redeem = (ticket, replace = false) => request('POST', 'session', { ticket, replace });
export const session = () => request('GET', 'session');
export const leave = () => request('DELETE', 'session');

export const list = (query) => request('GET', `api?${query}`);
export const event_types = () => request('GET', 'api/event-types?limit=500');
export const show = (id) => request('GET', at(id));
export const create = (hook, headers) => request('POST', 'api', hook, headers);
export const change = (id, patch, tag) => request('PATCH', at(id), patch,
    { 'Content-Type': 'application/merge-patch+json', ...(tag && { 'If-Match': tag }) });
export const remove = (id) => request('DELETE', at(id));
export const act = (id, verb, body = {}) => request('POST', at(id, `/${verb}`), body, once());
export const deliveries = (id, query) => request('GET', at(id, `/deliveries?${query}`));
export const attempts = (id, query) => request('GET', at(id, `/attempts?${query}`));
export const attempt = (id, key) => request('GET', at(id, `/attempts/${key}`));

/// The minutes behind a time in which there were attempts, oldest first.
export async function counts_since(id, since) {
    const found = [];
    let query = `limit=1000&after=${encodeURIComponent(new Date(since).toISOString())}`;
    while (query) {
        const page = await request('GET', at(id, `/attempt-counts?${query}`));
        found.push(...page.value);
        query = page.next;
    }
    return found;
}

const most_pages = 50, page_size = 200;

// The log is in order of keys, and so of time, but is not listed by time: the key is searched
// behind which the attempts are that are newer.
async function key_before(id, since) {
    const older = async (key) => {
        const found = (await attempts(id, `limit=1${key ? `&after=${key}` : ''}`)).value[0];
        return found && Date.parse(found.at) < since ? found.id : 0;
    };
    let low = await older(0);
    if (!low) return 0;
    let step = 1024;
    for (let next; (next = await older(low + step)) !== 0; step *= 4) low = next;
    let high = low + step;
    while (high - low > page_size / 2) {
        const middle = Math.floor((low + high) / 2);
        const next = await older(middle);
        if (next) low = Math.max(low, next);
        else high = middle;
    }
    return low;
}

/// The attempts since a time, oldest first, and whether these are all.
export async function attempts_since(id, since) {
    const found = [];
    const key = await key_before(id, since);
    let query = `limit=${page_size}${key ? `&after=${key}` : ''}`;
    for (let pages = 0; query && pages < most_pages; ++pages) {
        const page = await attempts(id, query);
        found.push(...page.value.filter((one) => Date.parse(one.at) >= since));
        query = page.next;
    }
    return { found, all: !query };
}
)js";

}  // namespace tidings::rest_hook::detail
