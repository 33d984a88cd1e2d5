// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string_view>

namespace tidings::rest_hook::detail {

/// The module hook.js: one subscription, how it does, and what was sent to it.
inline constexpr std::string_view portal_script_hook = R"js(import * as api from './api.js';
import { day } from './chart.js';
import { acting, badge, button, count, duration, el, instant, moment, say, host_of } from './dom.js';
import * as form from './form.js';

const a_day = 24 * 3600e3, shown_at_once = 25;

function term(name, ...value) {
    return el('div', {}, el('dt', {}, name), el('dd', {}, ...value));
}

function topics_of(hook) {
    return el('ul', { class: 'topics' }, hook.topics.map((topic) => el('li', {}, el('code', {}, topic))));
}

function pairs(object) {
    return Object.entries(object).map(([name, value]) => el('div', {}, el('code', {}, `${name}: ${value}`)));
}

function settings(hook) {
    const rows = [term('Topics', topics_of(hook))];
    if (hook.filters?.length) rows.push(term('Filters', el('code', {}, JSON.stringify(hook.filters))));
    rows.push(term('A request holds', hook.content_mode), term('Order', hook.order), term('Tried again', hook.retry));
    if (hook.rate) rows.push(term('At most', `${hook.rate.per_second} in a second, ${hook.rate.burst ?? 1} at once`));
    if (Object.keys(hook.headers ?? {}).length) rows.push(term('Headers', ...pairs(hook.headers)));
    if (Object.keys(hook.metadata ?? {}).length) rows.push(term('Metadata', ...pairs(hook.metadata)));
    if (hook.owner) rows.push(term('Owner', hook.owner));
    if (hook.hub_topic) rows.push(term('Subscribed by WebSub', el('code', {}, hook.hub_topic)));
    rows.push(term('Made', moment(hook.created_at)));
    if (hook.updated_at !== hook.created_at) rows.push(term('Changed', moment(hook.updated_at)));
    if (hook.confirm_by) rows.push(term('The target may agree until', moment(hook.confirm_by)));
    if (hook.expiration_date) rows.push(term('Ends', moment(hook.expiration_date)));
    rows.push(term('Id', el('code', {}, hook.id)));
    return el('section', { class: 'card', 'aria-labelledby': 'settings' },
        el('header', {}, el('h3', { id: 'settings' }, 'Settings')), el('dl', {}, rows));
}

function card(id, title, ...buttons) {
    const body = el('div', { 'aria-live': 'off' }, el('p', { class: 'soft' }, 'Reading …'));
    const whole = el('section', { class: 'card', 'aria-labelledby': id },
        el('header', {}, el('h3', { id }, title), ...buttons), body);
    return { whole, fill: (...parts) => body.replaceChildren(...parts.flat()) };
}

function pane(title, ...parts) {
    return el('div', {}, el('h4', {}, title), el('pre', { tabindex: '0' }, ...parts));
}

function readable(text, type) {
    if (!/json/.test(type ?? '')) return text;
    try {
        return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
        return text;
    }
}

function request_text({ fields, content_type, body, body_bytes }) {
    const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
    if (content_type) head.unshift(`content-type: ${content_type}`);
    const cut = body_bytes > new TextEncoder().encode(body).length ? `\n… ${body_bytes.toLocaleString()} bytes in all` : '';
    return `${head.join('\n')}\n\n${cut ? body : readable(body, content_type)}${cut}`;
}

function response_text(attempt) {
    if (!attempt.status) return 'There was no answer.';
    if (attempt.response_head === undefined) {
        return 'The target has no public address: what it answered is shown to operators only.';
    }
    const type = /^content-type: *(.*)$/im.exec(attempt.response_head)?.[1];
    return `${attempt.response_head.trimEnd()}\n\n${readable(attempt.response_body, type)}`;
}

const phases = { resolve_us: 'name', connect_us: 'TCP', tls_us: 'TLS', write_us: 'writing', first_byte_us: 'first byte', total_us: 'all' };

async function exchange_of(id, key, refresh) {
    const { value: attempt } = await api.attempt(id, key);
    const times = Object.entries(phases).filter(([name]) => attempt.timings[name] != null)
        .map(([name, text]) => `${text} ${duration(attempt.timings[name])}`).join(', ');
    const again = acting(async () => {
        await api.act(id, 'redeliver', { attempt: key });
        say('It is sent again.');
        refresh();
    });
    return el('div', { class: 'exchange' },
        attempt.cause && el('p', { class: 'all' }, attempt.cause),
        pane('Request', request_text(attempt.request)), pane('Response', response_text(attempt)),
        el('div', { class: 'all' }, button('Send again', again),
            el('span', { class: 'soft' }, `webhook-id ${attempt.webhook_id}${attempt.address ? `, to ${attempt.address}` : ''}${times ? ` (${times})` : ''}`)));
}

function attempt_rows(id, one, refresh) {
    const result = one.error ? badge(one.status ? String(one.status) : 'failed', 'bad') : badge(String(one.status), 'good');
    const inner = el('td', { colspan: '3' });
    const more = el('tr', { hidden: true, id: `attempt-${one.id}` }, inner);
    const toggle = acting(async () => {
        if (more.hidden && !inner.firstChild) inner.append(await exchange_of(id, one.id, refresh));
        more.hidden = !more.hidden;
        opener.setAttribute('aria-expanded', String(!more.hidden));
        row.classList.toggle('open', !more.hidden);
    });
    const opener = button(one.event?.type ?? one.webhook_id, toggle,
        { class: 'plain', 'aria-expanded': 'false', 'aria-controls': `attempt-${one.id}` });
    const row = el('tr', {},
        el('td', {}, opener, el('span', { class: 'soft' }, instant(one.at), one.number > 1 && `, attempt ${one.number}`)),
        el('td', {}, result, one.error && el('span', { class: 'soft' }, one.error)),
        el('td', { class: 'number' }, duration(one.timings?.total_us)));
    return [row, more];
}

function attempts_table(id, newest, refresh) {
    const body = el('tbody');
    const show_more = button('Show more', () => extend(), { class: 'more' });
    let shown = 0;
    const extend = () => {
        const next = newest.slice(shown, shown + shown_at_once);
        body.append(...next.flatMap((one) => attempt_rows(id, one, refresh)));
        shown += next.length;
        show_more.hidden = shown >= newest.length;
    };
    extend();
    const head = ['Event', 'Result', 'Took'].map((text, i) =>
        el('th', { scope: 'col', class: i === 2 ? 'number' : null }, text));
    return [el('table', { class: 'log' }, el('caption', { class: 'unseen' }, 'Attempts, newest first'),
        el('thead', {}, el('tr', {}, head)), body), show_more];
}

function deliveries_table(id, owed, more, refresh) {
    const again = (one) => acting(async () => {
        await api.act(id, 'redeliver', { delivery: one.id });
        say('It is sent again.');
        refresh();
    });
    const kind = { dead: 'bad', stopped: 'bad', pending: 'wait', claimed: 'wait' };
    const rows = owed.map((one) => el('tr', {},
        el('td', {}, one.event?.type ?? one.webhook_id,
            el('span', { class: 'soft' }, count(one.attempts, 'attempt'), one.error && `: ${one.error}`)),
        el('td', {}, badge(one.state, kind[one.state]),
            one.state === 'pending' && el('span', { class: 'soft' }, 'due ', instant(one.due_at))),
        el('td', { class: 'number' }, ['dead', 'stopped'].includes(one.state) &&
            button('Send again', again(one), { class: 'plain', 'aria-label': `Send ${one.event?.type ?? one.webhook_id} again` }))));
    return [el('div', { class: 'scroll' }, el('table', {}, el('caption', { class: 'unseen' }, 'What it is owed, and dead letters'),
        el('thead', {}, el('tr', {}, ['Event', 'State', ''].map((text) => el('th', { scope: 'col' }, text || el('span', { class: 'unseen' }, 'Action'))))),
        el('tbody', {}, rows))), more && el('p', { class: 'soft' }, 'There are more than these.')].filter(Boolean);
}

/// Shows one subscription in `place`, until `left` says that another page is shown.
export async function show(place, id, { successes, left, shown, go_back }) {
    const log = card('attempts', 'Attempts of the last day', button('Refresh', acting(() => refresh())));
    const health = card('day', 'The last 24 hours');
    const fail_again = acting(async () => {
        const { value } = await api.act(id, 'redeliver');
        say(value.count ? `${count(value.count, 'delivery', 'deliveries')} sent again.` : 'Nothing had failed.');
        refresh();
    });
    const owed = card('owed', 'Owed and dead letters', button('Send all that failed again', fail_again));
    const top = el('div'), aside = el('div');

    async function read_day() {
        const minutes = await api.counts_since(id, Date.now() - a_day);
        if (!left()) health.fill(day(minutes));
    }
    async function read_log() {
        const { found, all } = await api.attempts_since(id, Date.now() - a_day);
        if (left()) return;
        const notes = [];
        if (!successes) notes.push('The server logs only attempts that failed: those that succeeded are counted, and not listed.');
        if (!all) notes.push('There were more attempts than this page reads: the newest are missing.');
        log.fill(found.length ? attempts_table(id, found.reverse(), refresh)
            : el('p', { class: 'soft' }, 'Nothing in the log of the last 24 hours.'),
        notes.map((text) => el('p', { class: 'soft' }, text)));
    }
    async function read_owed() {
        const { value, next } = await api.deliveries(id, 'limit=50');
        if (left()) return;
        owed.fill(value.length ? deliveries_table(id, value, next, refresh)
            : el('p', { class: 'soft' }, 'Nothing: all was delivered.'));
    }
    async function read_hook() {
        const { value: hook, tag } = await api.show(id);
        if (left()) return;
        const focused = top.contains(document.activeElement) && document.activeElement.textContent;
        top.replaceChildren(...head_of(hook, tag));
        [...top.querySelectorAll('button')].find((one) => one.textContent === focused)?.focus();
        aside.replaceChildren(settings(hook));
    }
    const refresh = () => Promise.all([read_hook(), read_day(), read_log(), read_owed()]);
    const soon = () => {
        for (const wait of [700, 3000]) setTimeout(() => left() || refresh().catch(() => {}), wait);
    };

    function head_of(hook, tag) {
        const turn = acting(async () => {
            const verb = hook.state === 'active' ? 'pause' : 'resume';
            await api.act(id, verb);
            say(verb === 'pause' ? 'Paused: it takes no new events.' : 'It takes events again.');
            await read_hook();
        });
        const ping = acting(async () => {
            const { value } = await api.act(id, 'ping');
            say(`Sent: event ${value.event}.`);
            soon();
        });
        const title = hook.description || host_of(hook.target_url);
        const actions = hook.hub_topic ? [] : [
            button('Edit', () => form.edit(hook, tag, refresh)),
            button(hook.state === 'active' ? 'Pause' : 'Resume', turn),
            button('Send a ping', ping), button('Send a test', () => form.test(hook, soon)),
            button('Rotate the secret', () => form.rotate(hook)),
        ];
        return [el('div', { class: 'head' }, el('h2', { tabindex: '-1' }, title), badge(hook.state)),
            el('code', {}, hook.target_url),
            hook.reason ? el('p', { class: 'reason' }, hook.reason) : '',
            el('div', { class: 'actions' }, actions,
                button('Delete', () => form.remove(hook, go_back), { class: 'risky' }))];
    }

    await read_hook();
    if (left()) return;
    place.replaceChildren(el('a', { href: '#/' }, '← All subscriptions'), top,
        el('div', { class: 'sides' }, el('div', {}, health.whole, log.whole, owed.whole), aside));
    shown();
    await Promise.all([read_day(), read_log(), read_owed()]);
}
)js";

}  // namespace tidings::rest_hook::detail
