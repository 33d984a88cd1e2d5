// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string_view>

namespace tidings::rest_hook::detail {

/// The module main.js: the entrance, and which page is shown.
inline constexpr std::string_view portal_script_main = R"js(import * as api from './api.js';
import { acting, button, complain, el, forgive, say } from './dom.js';
import * as hook from './hook.js';
import * as list from './list.js';

const content = document.getElementById('content');
const leave = document.getElementById('leave');
let visitor = null, turn = 0;

function show_entrance(heading, text) {
    ++turn;
    visitor = null;
    leave.hidden = true;
    document.getElementById('who').textContent = '';
    for (const dialog of document.querySelectorAll('dialog')) dialog.close();
    content.replaceChildren(el('div', { class: 'empty' }, el('h2', { tabindex: '-1' }, heading), el('p', {}, text)));
    content.querySelector('h2').focus();
}

const how = 'This page is opened by a link that the application gives you. Each link opens it once.';

async function show_page(first) {
    const mine = ++turn;
    const left = () => mine !== turn;
    forgive();
    const [, id] = /^#\/hooks\/([^/]+)$/.exec(location.hash) ?? [];
    // A screen reader says then that the page has changed.
    const shown = () => first || content.querySelector('h2')?.focus();
    const go = (hash) => {
        if (location.hash === hash) show_page();
        else location.hash = hash;
    };
    try {
        if (id) {
            await hook.show(content, decodeURIComponent(id),
                { successes: visitor.logs_successes, left, shown, go_back: () => go('#/') });
        } else {
            await list.show(content, { operator: visitor.operator, left, shown,
                open: (made) => go(`#/hooks/${encodeURIComponent(made)}`) });
        }
    } catch (error) {
        if (left() || error.status === 401) return;
        if (error.status === 404) {
            content.replaceChildren(el('div', { class: 'empty' }, el('h2', { tabindex: '-1' }, 'There is no such subscription'),
                el('p', {}, el('a', { href: '#/' }, 'All subscriptions'))));
            shown();
        } else {
            complain(error);
        }
    }
}

const name_of = (who) => [who.name, who.operator && 'operator'].filter(Boolean).join(', ') || 'another owner';

// A stranger may have made the link, so that its reader works in the stranger's name.
function ask_to_replace(ticket, { present, next }) {
    const now = name_of(present), then = name_of(next);
    show_entrance(`You are signed in as ${now}`,
        `This link signs you in as ${then} instead. If you did not expect that, stay: what you make as ${then} is not yours.`);
    content.firstChild.append(el('div', { class: 'actions' },
        button(`Stay ${now}`, acting(() => come_in(null)), { class: 'main' }),
        button(`Sign in as ${then}`, acting(() => come_in(ticket, true)))));
}

// The link has the ticket behind `#`, which browsers send nobody; it is gone from the history, too,
// before anything else is done.
function enter() {
    const ticket = /^#ticket=([0-9a-f]+)$/.exec(location.hash)?.[1];
    if (ticket) history.replaceState(null, '', location.pathname + location.search);
    return come_in(ticket);
}

async function come_in(ticket, replace = false) {
    let refused = null;
    try {
        visitor = (ticket ? await api.redeem(ticket, replace) : await api.session()).value;
    } catch (error) {
        refused = error;
    }
    if (refused?.status === 409 && refused.problem.present) return ask_to_replace(ticket, refused.problem);
    const used = refused?.status === 403 && ticket;
    if (used) visitor = await api.session().then(({ value }) => value, () => null);
    if (used && visitor) refused = null;
    if (refused && used) {
        return show_entrance('This link does not open the page', 'It was used, or it is too old. Ask the application for another one.');
    }
    if (refused?.status === 401) return show_entrance('The page is closed', how);
    if (refused) {
        show_entrance('The page cannot be opened now', 'Try again in a while; the link is still good.');
        return complain(refused);
    }
    document.getElementById('who').textContent = visitor.name || visitor.operator ? name_of(visitor) : '';
    leave.hidden = false;
    await show_page(true);
    if (used) say('That link was used already; you are still signed in.');
}

leave.addEventListener('click', acting(async () => {
    await api.leave();
    show_entrance('You have signed out', how);
}));
document.addEventListener('session-ended', () => {
    if (visitor) show_entrance('The session has ended', how);
});
addEventListener('hashchange', () => {
    if (/^#ticket=/.test(location.hash)) enter();
    else if (visitor) show_page();
});
enter();
)js";

}  // namespace tidings::rest_hook::detail
