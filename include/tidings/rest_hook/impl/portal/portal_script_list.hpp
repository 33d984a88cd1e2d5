// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string_view>

namespace tidings::rest_hook::detail {

/// The module list.js: the subscriptions that a visitor sees.
inline constexpr std::string_view portal_script_list = R"js(import * as api from './api.js';
import { acting, badge, button, complain, el, host_of } from './dom.js';
import { add } from './form.js';

function row(hook, operator) {
    const host = host_of(hook.target_url);
    return el('li', {},
        el('div', {}, el('a', { href: `#/hooks/${encodeURIComponent(hook.id)}` }, hook.description || host),
            el('code', { class: 'where' }, hook.target_url),
            operator && el('span', { class: 'soft' }, hook.owner ? `of ${hook.owner}` : 'without an owner')),
        el('ul', { class: 'topics' }, hook.topics.map((topic) => el('li', {}, el('code', {}, topic)))),
        el('div', {}, badge(hook.state)));
}

function empty(filtered) {
    return el('div', { class: 'empty' },
        el('h2', {}, filtered ? 'None is like that' : 'No subscription yet'),
        el('p', {}, filtered ? 'Change what is looked for above.'
            : 'A subscription has events of the topics that you choose sent to a URL of yours.'));
}

let last = {};  // what was looked for, for the way back

/// Shows the list in `place`, until `left` says that another page is shown.
export async function show(place, { operator, left, shown, open }) {
    const items = el('ul', { class: 'hooks' });
    const more = button('Show more', acting(() => read(next)), { class: 'more', hidden: true });
    const results = el('div');
    let next = null, reading = 0;

    const state = el('select', { name: 'state' }, ['', 'active', 'paused', 'pending', 'disabled'].map((value) =>
        el('option', { value, selected: value === (last.state ?? '') }, value || 'any')));
    const topic = el('input', { name: 'topic', spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off' });
    const owner = el('input', { name: 'owner', spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off' });
    topic.value = last.topic ?? '';
    owner.value = last.owner ?? '';
    const filter = el('form', { role: 'search' }, el('label', {}, 'State', state), el('label', {}, 'Topic', topic),
        operator && el('label', {}, 'Owner', owner), el('button', {}, 'Find'));

    function query() {
        last = { state: state.value, topic: topic.value.trim(), owner: owner.value.trim() };
        return new URLSearchParams([['limit', '50'], ...Object.entries(last).filter(([, value]) => value)]).toString();
    }
    async function read(page) {
        const turn = ++reading;
        const found = await api.list(page ?? query());
        if (left() || turn !== reading) return;
        if (!page) items.replaceChildren();
        items.append(...found.value.map((hook) => row(hook, operator)));
        next = found.next;
        more.hidden = !next;
        results.replaceChildren(items.firstChild ? items : empty(Object.values(last).some(Boolean)));
    }
    filter.addEventListener('submit', (event) => {
        event.preventDefault();
        read().catch(complain);
    });
    state.addEventListener('change', () => read().catch(complain));

    await read();
    if (left()) return;
    place.replaceChildren(el('div', { class: 'bar' },
        el('h2', { tabindex: '-1' }, operator ? 'All subscriptions' : 'Your subscriptions'), filter,
        button('New subscription', () => add((hook) => open(hook.id)), { class: 'main' })), results, more);
    shown();
}
)js";

}  // namespace tidings::rest_hook::detail
