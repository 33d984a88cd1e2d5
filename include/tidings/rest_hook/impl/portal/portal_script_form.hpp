// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string_view>

namespace tidings::rest_hook::detail {

/// The module form.js: the dialogs in which a subscription is made and changed.
inline constexpr std::string_view portal_script_form = R"js(import * as api from './api.js';
import { ask, button, el, say } from './dom.js';

const lines = (text) => text.split('\n').map((line) => line.trim()).filter(Boolean);

function wrong(member, text) {
    return Object.assign(new Error(text), { member });
}

// `name: value`, one a line.
function read_pairs(member, text) {
    return Object.fromEntries(lines(text).map((line) => {
        const colon = line.indexOf(':');
        if (colon < 1) throw wrong(member, `Not "name: value": ${line}`);
        return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    }));
}

const pairs_text = (object) =>
    Object.entries(object ?? {}).map(([name, value]) => `${name}: ${value}`).join('\n');

function read_filters(text) {
    if (!text.trim()) return [];
    let filters;
    try {
        filters = JSON.parse(text);
    } catch (error) {
        throw wrong('filters', `The filters are no JSON: ${error.message}`);
    }
    if (!Array.isArray(filters)) throw wrong('filters', 'The filters are a list: [ ... ].');
    return filters;
}

function read_rate(form) {
    const each = form.elements.rate.value.trim();
    if (!each) return null;
    const rate = { per_second: Number(each) };
    if (!Number.isFinite(rate.per_second)) throw wrong('rate', 'The rate is no number.');
    const burst = form.elements.burst.value.trim();
    if (burst) rate.burst = Number(burst);
    return rate;
}

function read(form) {
    const value = (name) => form.elements[name].value;
    return {
        target_url: value('target_url').trim(),
        topics: lines(value('topics')),
        description: value('description').trim(),
        content_mode: value('content_mode'), order: value('order'), retry: value('retry'),
        rate: read_rate(form),
        filters: read_filters(value('filters')),
        headers: read_pairs('headers', value('headers')),
        metadata: read_pairs('metadata', value('metadata')),
    };
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// What has changed, as RFC 7396 wants it: of an object what is gone is null.
function patch_of(before, after) {
    const patch = {};
    for (const [name, value] of Object.entries(after)) {
        const old = before[name] ?? (name === 'description' ? '' : null);
        if (same(old, value)) continue;
        if (name !== 'headers' && name !== 'metadata') {
            patch[name] = value === '' ? null : value;
            continue;
        }
        const gone = Object.keys(old ?? {}).filter((key) => !(key in value)).map((key) => [key, null]);
        patch[name] = { ...Object.fromEntries(gone), ...value };
    }
    return patch;
}

function field(label, name, value, { hint, tag = 'input', ...more } = {}) {
    const id = `field-${name}`, described = hint && `hint-${name}`;
    const input = el(tag, { id, name, 'aria-describedby': described, spellcheck: 'false', autocomplete: 'off',
        autocapitalize: 'off', ...more }, tag === 'textarea' ? value : null);
    if (tag === 'input') input.value = value;
    return el('div', { class: 'field' }, el('label', { for: id }, label),
        hint && el('span', { class: 'hint', id: described }, hint), input);
}

function choice(label, name, values, chosen) {
    return el('label', {}, label, el('select', { name }, Object.entries(values).map(([value, text]) =>
        el('option', { value, selected: value === chosen }, text))));
}

const modes = {
    binary: 'data, attributes in headers', structured: 'CloudEvents JSON', batch: 'CloudEvents JSON batch',
    standard: 'Standard Webhooks', raw: 'data only',
};
const orders = { any: 'any', fifo: 'one after another', partition: 'by partition key' };
const retries = {
    default: "the server's", standard: '10 attempts in 3 days', svix: '8 attempts in 28 hours',
    exponential: '11 attempts, doubling', none: 'one attempt',
};

async function offered_types(body) {
    let types;
    try {
        types = (await api.event_types()).value;
    } catch {
        return null;
    }
    if (!types.length) return null;
    const topics = body.querySelector('textarea');
    const add = (name) => {
        if (!lines(topics.value).includes(name)) topics.value = [...lines(topics.value), name].join('\n');
    };
    return el('details', {}, el('summary', {}, 'What can be subscribed to'),
        el('ul', { class: 'types' }, types.map((type) => el('li', {},
            button(type.name, () => add(type.name), { class: 'plain mono', 'aria-label': `Add ${type.name}` }),
            type.description && el('span', { class: 'hint' }, ` ${type.description}`)))));
}

function fields_of(hook) {
    const topics = field('Topics', 'topics', (hook?.topics ?? []).join('\n'),
        { tag: 'textarea', rows: 3, required: true, hint: 'One pattern a line: orders.paid, orders.* or orders.>' });
    return [
        field('Target URL', 'target_url', hook?.target_url ?? '',
            { type: 'url', inputmode: 'url', required: true, placeholder: 'https://example.com/hook' }),
        topics,
        field('Description', 'description', hook?.description ?? '', { maxlength: 500, spellcheck: 'true' }),
        el('details', {}, el('summary', {}, 'More'), el('div', {},
            choice('What a request holds', 'content_mode', modes, hook?.content_mode ?? 'binary'),
            el('div', { class: 'pair' }, choice('Order', 'order', orders, hook?.order ?? 'any'),
                choice('Tried again', 'retry', retries, hook?.retry ?? 'default'),
                field('Requests in a second', 'rate', hook?.rate?.per_second ?? '', { inputmode: 'decimal', hint: 'empty: no limit' }),
                field('At once', 'burst', hook?.rate?.burst ?? '', { inputmode: 'numeric', hint: 'empty: one' })),
            field('Filters', 'filters', hook?.filters?.length ? JSON.stringify(hook.filters, null, 1) : '',
                { tag: 'textarea', rows: 3, hint: 'A list of CloudEvents filter expressions in JSON' }),
            field('Headers', 'headers', pairs_text(hook?.headers), { tag: 'textarea', rows: 2,
                hint: 'name: value, one a line. What is *** stays as it is' }),
            field('Metadata', 'metadata', pairs_text(hook?.metadata), { tag: 'textarea', rows: 2, hint: 'name: value, one a line' }))),
    ];
}

async function open(title, verb, hook, send) {
    const body = fields_of(hook);
    const dialog = ask({ title, verb, body, send });
    const types = await offered_types(body[1]);
    if (types && dialog.isConnected) body[1].after(types);
}

/// Shows a secret, which no answer will have again.
export function show_secret(secret, text) {
    const copied = el('span', { role: 'status', class: 'hint' });
    const copy = async () => {
        try {
            await navigator.clipboard.writeText(secret);
            copied.textContent = 'Copied.';
        } catch {
            copied.textContent = 'Select it and copy it.';
        }
    };
    return ask({
        title: 'The secret', closes: 'I have kept it',
        body: [el('p', {}, text), el('code', { class: 'secret', tabindex: '0' }, secret),
            el('div', {}, button('Copy', copy), ' ', copied)],
    });
}

export function add(done) {
    const key = api.random_text();  // of this form: pressed twice, it is done once
    return open('New subscription', 'Subscribe', null, async (form) => {
        const wanted = read(form);
        for (const [name, value] of Object.entries(wanted)) {
            if (value === null || value === '' || (typeof value === 'object' && !Object.keys(value).length && name !== 'topics')) delete wanted[name];
        }
        const { value } = await api.create(wanted, { 'Idempotency-Key': key });
        done(value);
        if (value.secret) {
            show_secret(value.secret, 'Deliveries are signed with it. It is not shown again; keep it with the target.');
        }
    });
}

export function edit(hook, tag, done) {
    return open('Change the subscription', 'Save', hook, async (form) => {
        const patch = patch_of(hook, read(form));
        if (!Object.keys(patch).length) return;
        try {
            await api.change(hook.id, patch, tag);
        } catch (error) {
            if (error.status !== 412) throw error;
            throw wrong(undefined, 'Somebody has changed it meanwhile. Close this, look, and change it again.');
        }
        say('Saved.');
        done();
    });
}

export function test(hook, done) {
    return ask({
        title: 'Send a test event', verb: 'Send',
        body: [field('Topic', 'topic', '', { hint: `One that ${hook.topics.join(' or ')} matches; empty: one is made` }),
            field('Type', 'type', '', { hint: 'Empty: the topic' }),
            field('Data', 'data', '', { tag: 'textarea', rows: 5, hint: 'JSON; empty: the example of the event type' })],
        send: async (form) => {
            const body = {};
            for (const name of ['topic', 'type']) {
                if (form.elements[name].value.trim()) body[name] = form.elements[name].value.trim();
            }
            if (form.elements.data.value.trim()) {
                try {
                    body.data = JSON.parse(form.elements.data.value);
                } catch (error) {
                    throw wrong('data', `The data is no JSON: ${error.message}`);
                }
            }
            const { value } = await api.act(hook.id, 'test', body);
            say(`Sent: event ${value.event}.`);
            done();
        },
    });
}

export function rotate(hook) {
    return ask({
        title: 'A new secret', verb: 'Make one',
        body: [el('p', {}, 'Deliveries are signed with a new secret from now on. For some time they are signed with the one before as well, so that the target can change over.'),
            field('Hours with both', 'overlap_seconds', '24', { inputmode: 'decimal', hint: '0 to 168; 0 where the old one has become known' })],
        send: async (form) => {
            const hours = Number(form.elements.overlap_seconds.value);
            if (!(hours >= 0 && hours <= 168)) throw wrong('overlap_seconds', 'From 0 to 168 hours.');
            const { value } = await api.act(hook.id, 'rotate', { overlap_seconds: Math.round(hours * 3600) });
            if (value.secret) show_secret(value.secret, 'Give it to the target. It is not shown again.');
        },
    });
}

export function remove(hook, done) {
    return ask({
        title: 'Delete this subscription?', verb: 'Delete', risky: true,
        body: [el('p', {}, 'Nothing more is sent to ', el('code', {}, hook.target_url), ', also what it is still owed.')],
        send: async () => {
            await api.remove(hook.id);
            done();
            say('The subscription is deleted.');
        },
    });
}

)js";

}  // namespace tidings::rest_hook::detail
