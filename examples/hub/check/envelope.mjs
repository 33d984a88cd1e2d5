// SPDX-License-Identifier: BSL-1.0
// Takes a CloudEvents JSON event apart without losing a byte of its data.
import { createHash } from 'node:crypto';

const quote = 0x22, backslash = 0x5c, colon = 0x3a, comma = 0x2c;
const open_brace = 0x7b, close_brace = 0x7d, open_bracket = 0x5b, close_bracket = 0x5d;
const is_space = (byte) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/// The members of the outermost object: name -> the value's bytes as they stand in `bytes`.
/// Throws on anything that is not one JSON object in valid UTF-8, and on a member named twice.
function members(bytes) {
    // The scanner below only finds where values begin and end; this is what judges them.
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    let at = 0;
    const skip_space = () => { while (is_space(bytes[at])) ++at; };
    const expect = (byte) => {
        if (bytes[at] !== byte) throw new Error(`byte ${at} is not ${String.fromCharCode(byte)}`);
        ++at;
    };
    const skip_string = () => {
        expect(quote);
        while (bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
        ++at;
    };
    const skip_value = () => {
        let depth = 0;
        do {
            const byte = bytes[at];
            if (byte === quote) {
                skip_string();
                continue;
            }
            if (byte === open_brace || byte === open_bracket) ++depth;
            if (byte === close_brace || byte === close_bracket) --depth;
            ++at;
        } while (depth > 0 || ![comma, close_brace].includes(bytes[at]) && !is_space(bytes[at]));
    };

    const found = new Map();
    skip_space();
    expect(open_brace);
    for (skip_space(); bytes[at] !== close_brace; skip_space()) {
        if (found.size > 0) {
            expect(comma);
            skip_space();
        }
        const name_at = at;
        skip_string();
        const name = JSON.parse(bytes.subarray(name_at, at).toString());
        skip_space();
        expect(colon);
        skip_space();
        const value_at = at;
        skip_value();
        if (found.has(name)) throw new Error(`member ${name} stands twice`);
        found.set(name, bytes.subarray(value_at, at));
    }
    return found;
}

/// `{id, type, data, position}` of an event in CloudEvents JSON; `data` is the bytes the producer gave.
export function open_envelope(bytes) {
    const found = members(bytes);
    const text = (name) => found.has(name) ? JSON.parse(found.get(name).toString()) : undefined;
    if (text('specversion') !== '1.0') throw new Error('not a CloudEvents 1.0 event');
    let data = found.get('data') ?? Buffer.alloc(0);
    if (found.has('data_base64')) {
        data = Buffer.from(text('data_base64'), 'base64');
    } else if (found.has('data') && !/^[^;]*[/+]json\s*(;|$)/i.test(text('datacontenttype') ?? '/json')) {
        data = Buffer.from(text('data'));
    }
    return { id: text('id'), type: text('type'), data, position: text('position') };
}

/// The line an observer writes for an event.
export function line_of({ id, type, data }) {
    return `${id} ${type} ${createHash('sha256').update(data).digest('hex')}\n`;
}
