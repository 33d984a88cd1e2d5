// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string_view>

namespace tidings::rest_hook::detail {

/// The module dom.js: elements, and texts for people.
inline constexpr std::string_view portal_script_dom =
    R"js(// Every text becomes a text node: nothing on the page makes markup of a text.
function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
        if (typeof value === 'function') node.addEventListener(name, value);
        else if (value === true) node.setAttribute(name, '');
        else if (value !== false && value != null) node.setAttribute(name, value);
    }
    node.append(...children.flat().filter((child) => child != null && child !== false));
    return node;
}

/// An element; attributes that are functions listen to the event of their name.
export const el = (tag, attributes = {}, ...children) =>
    fill(document.createElement(tag), attributes, children);
export const drawn = (tag, attributes = {}, ...children) =>
    fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
export const button = (text, press, attributes = {}) =>
    el('button', { type: 'button', click: press, ...attributes }, text);

const moments = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const instants = new Intl.DateTimeFormat(undefined,
    { month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit', second: '2-digit' });
const time = (format) => (text) => el('time', { datetime: text }, format.format(new Date(text)));
export const moment = time(moments), instant = time(instants);

export function duration(us) {
    if (us == null) return '–';
    if (us < 1e3) return `${Math.round(us)} µs`;
    if (us < 1e6) return `${(us / 1e3).toLocaleString(undefined, { maximumFractionDigits: us < 1e4 ? 1 : 0 })} ms`;
    return `${(us / 1e6).toLocaleString(undefined, { maximumFractionDigits: 1 })} s`;
}

export const count = (number, one, many = `${one}s`) =>
    `${number.toLocaleString()} ${number === 1 ? one : many}`;

/// The host of a URL; the URL itself where this browser would not call it.
export function host_of(url) {
    try {
        return new URL(url).host;
    } catch {
        return url;
    }
}

const kinds = { active: 'good', paused: '', pending: 'wait', disabled: 'bad' };
export const badge = (text, kind = kinds[text] ?? '') => el('span', { class: `badge ${kind}` }, text);

let quiet;
/// Says it to everybody: what is read aloud is seen as well.
export function say(text) {
    document.getElementById('problem').textContent = '';
    document.getElementById('notice').textContent = text;
    clearTimeout(quiet);
    quiet = setTimeout(() => { document.getElementById('notice').textContent = ''; }, 8000);
}
export function complain(error) {
    document.getElementById('notice').textContent = '';
    document.getElementById('problem').textContent = typeof error === 'string' ? error : error.message;
}
export const forgive = () => { document.getElementById('problem').textContent = ''; };

/// Runs an action of a button: one at a time, and what goes wrong is said.
export function acting(work) {
    return async ({ currentTarget }) => {
        currentTarget.disabled = true;
        try {
            await work();
        } catch (error) {
            complain(error);
        } finally {
            currentTarget.disabled = false;
        }
    };
}

// What is wrong with a field is read with it, beside its hint.
function mark(field, invalid) {
    const parts = (field.getAttribute('aria-describedby') ?? '').split(' ').filter((id) => id && id !== 'wrong');
    field.toggleAttribute('aria-invalid', false);
    if (invalid) {
        parts.push('wrong');
        field.setAttribute('aria-invalid', 'true');
    }
    if (parts.length) field.setAttribute('aria-describedby', parts.join(' '));
    else field.removeAttribute('aria-describedby');
}

/// A dialog of a form; `send` is called with it when it is submitted, and the dialog stays while
/// that throws. What throws may name a field as its `member`.
export function ask({ title, body, verb, risky = false, send, closes = 'Cancel' }) {
    const wrong = el('p', { class: 'wrong', role: 'alert', id: 'wrong' });
    const heading = el('h2', { id: 'asked' }, title);
    const submit = verb && el('button', { class: risky ? 'risky' : 'main' }, verb);
    const form = el('form', { novalidate: true }, heading, ...body,
        el('div', { class: 'ends' }, wrong, button(closes, () => dialog.close()), submit));
    const dialog = el('dialog', { 'aria-labelledby': 'asked', close: () => dialog.remove() }, form);
    form.addEventListener('submit', async (event) => {
        event.preventDefault();
        if (!submit) return dialog.close();
        for (const field of form.querySelectorAll('[aria-invalid]')) mark(field, false);
        wrong.textContent = '';
        submit.disabled = true;
        try {
            await send(form);
            dialog.close();
        } catch (error) {
            wrong.textContent = error.message;
            const field = error.member && form.elements.namedItem(error.member.split('.')[0]);
            if (field instanceof HTMLElement) {
                mark(field, true);
                const hidden = field.closest('details');
                if (hidden) hidden.open = true;
                field.focus();
            }
        } finally {
            submit.disabled = false;
        }
    });
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
}
)js";

}  // namespace tidings::rest_hook::detail
