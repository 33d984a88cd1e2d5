// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string_view>

namespace tidings::rest_hook::detail {

/// The module chart.js: success and latency over the last day.
inline constexpr std::string_view portal_script_chart =
    R"js(import { count, drawn, duration, el } from './dom.js';

const hours = 25, hour = 3600e3;  // of the clock: the first and the last are parts

// The latency that so large a part of the successes did not exceed, in microseconds. The class of each
// is known, up to 1 ms, 2 ms, 4 ms and so on: within it they are taken to be spread evenly.
function quantile({ succeeded, longest, classes }, part) {
    let rank = Math.ceil(succeeded * part);
    for (const [i, size] of classes.entries()) {
        const low = i ? 2 ** (i - 1) * 1e3 : 0;
        const high = i === 15 ? longest : Math.min(2 ** i * 1e3, longest);
        if (rank <= size) return size ? low + (high - low) * rank / size : null;
        rank -= size;
    }
    return null;
}

// Several minutes together.
function sum(minutes) {
    const all = { succeeded: 0, failed: 0, longest: 0, classes: Array(16).fill(0) };
    for (const one of minutes) {
        all.succeeded += one.succeeded;
        all.failed += one.failed;
        all.longest = Math.max(all.longest, one.longest_us);
        one.latencies.forEach((size, i) => { all.classes[i] += size; });
    }
    return { ...all, median: quantile(all, 0.5), slow: quantile(all, 0.95) };
}

/// The counts of each hour of the last day, oldest first.
export function by_hour(minutes, now) {
    const first = Math.floor(now / hour) - hours + 1;
    const bins = Array.from({ length: hours }, (_, i) => ({ start: (first + i) * hour, minutes: [] }));
    for (const one of minutes) bins[Math.floor(Date.parse(one.minute) / hour) - first]?.minutes.push(one);
    return bins.map(({ start, minutes: some }) => ({ start, ...sum(some) }));
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

function nice(top) {
    const unit = 10 ** Math.floor(Math.log10(Math.max(top, 1)));
    return [1, 2, 5, 10].find((n) => n * unit >= top) * unit;
}

function axis(parts, left, width, base, height, top, label) {
    for (const share of [0, 0.5, 1]) {
        const y = base - share * height;
        if (top * share % 1 && top < 2) continue;
        parts.push(drawn('line', { class: 'rule', x1: left, x2: width, y1: y, y2: y }),
            drawn('text', { x: left - 6, y: y + 4, 'text-anchor': 'end' }, label(top * share)));
    }
}

function plot(width, bins) {
    const left = 52, step = (width - left) / hours, bar = Math.max(2, step * 0.66);
    const base = 104, high = 88, low_base = 206, low_high = 66;
    const most = nice(Math.max(1, ...bins.map((bin) => bin.succeeded + bin.failed)));
    const slowest = nice(Math.max(1e3, ...bins.map((bin) => bin.slow ?? 0)));
    const parts = [drawn('defs', {}, drawn('pattern',
        { id: 'hatch', width: 5, height: 5, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
        drawn('line', { class: 'hatch', x1: 0, x2: 0, y1: 0, y2: 5 })))];
    axis(parts, left, width, base, high, most, (n) => n.toLocaleString());
    axis(parts, left, width, low_base, low_high, slowest, (us) => (us ? duration(us) : '0'));
    const y_of = (us) => low_base - us / slowest * low_high;
    const line = [];
    bins.forEach((bin, i) => {
        const x = left + i * step + (step - bar) / 2, middle = x + bar / 2;
        const good = bin.succeeded / most * high, bad = bin.failed / most * high;
        if (good) parts.push(drawn('rect', { class: 'ok', x, width: bar, y: base - good, height: good }));
        if (bad) {
            const place = { x, width: bar, y: base - good - bad, height: bad };
            parts.push(drawn('rect', { class: 'no', ...place }), drawn('rect', { fill: 'url(#hatch)', ...place }));
        }
        if (bin.median != null) {
            line.push(`${line.length ? 'L' : 'M'}${middle} ${y_of(bin.median)}`);
            parts.push(drawn('circle', { class: 'slow', cx: middle, cy: y_of(bin.slow), r: 3 }),
                drawn('circle', { class: 'dot', cx: middle, cy: y_of(bin.median), r: 3 }));
        }
        if (i % (width < 500 ? 6 : 4) === 1)
            parts.push(drawn('text', { x: middle, y: 228, 'text-anchor': 'middle' }, clock.format(bin.start)));
    });
    if (line.length > 1) parts.push(drawn('path', { class: 'line', d: line.join('') }));
    return parts;
}

function key(shape, text) {
    return el('li', {}, drawn('svg', { viewBox: '0 0 14 14', 'aria-hidden': 'true' }, shape), text);
}

function table(bins) {
    const rows = bins.filter((bin) => bin.succeeded + bin.failed > 0);
    const cells = (tag, texts) => texts.map((text, i) => el(tag,
        { class: i ? 'number' : null, scope: tag === 'th' ? 'col' : null }, text));
    return el('details', {}, el('summary', {}, 'The same as a table'),
        el('div', { class: 'scroll' }, el('table', {},
            el('caption', { class: 'unseen' }, 'Attempts of the last day by hour'),
            el('thead', {}, el('tr', {}, cells('th', ['From', 'Succeeded', 'Failed', 'Median', 'Slow']))),
            el('tbody', {}, rows.map((bin) => el('tr', {}, cells('td', [clock.format(bin.start),
                bin.succeeded.toLocaleString(), bin.failed.toLocaleString(), duration(bin.median), duration(bin.slow)])))))));
}

function percent(share) {
    // 100 % is said only where all succeeded.
    const shown = share < 1 ? Math.min(share, 0.999) : share;
    return shown.toLocaleString(undefined, { style: 'percent', maximumFractionDigits: 1 });
}

/// The figures and the chart of a day, by its minutes.
export function day(minutes) {
    const bins = by_hour(minutes, Date.now());
    const { succeeded, failed, median, slow } = sum(minutes);
    const all = succeeded + failed;
    const figure = (name, value) => el('div', {}, el('dt', {}, name), el('dd', {}, value));
    const figures = el('dl', { class: 'figures' },
        figure('Attempts', all.toLocaleString()), figure('Succeeded', all ? percent(succeeded / all) : '–'),
        figure('Median', duration(median)), figure('Slowest 5 %', duration(slow)));
    if (!all) return [figures, el('p', { class: 'soft' }, 'Nothing was sent in the last 24 hours.')];
    const text = `${count(succeeded, 'attempt')} succeeded and ${failed.toLocaleString()} failed in the last 24 hours.` +
        (succeeded ? ` The median of those that succeeded took about ${duration(median)}.` : '');
    const svg = drawn('svg', { role: 'img', 'aria-label': text });
    const box = el('div', { class: 'chart' }, svg);
    new ResizeObserver(([{ contentRect: { width } }]) => {
        if (width) svg.replaceChildren(...plot(width, bins));
    }).observe(box);
    const mark = (name) => drawn('rect', { class: name, x: 2, y: 2, width: 10, height: 10 });
    return [figures, box, el('ul', { class: 'legend chart', 'aria-hidden': 'true' },
        key(mark('ok'), 'succeeded'),
        key(drawn('g', {}, mark('no'), drawn('rect', { fill: 'url(#hatch)', x: 2, y: 2, width: 10, height: 10 })), 'failed'),
        key(drawn('circle', { class: 'dot', cx: 7, cy: 7, r: 3.5 }), 'median time'),
        key(drawn('circle', { class: 'slow', cx: 7, cy: 7, r: 3.5 }), 'slowest 5 %')), table(bins),
    el('p', { class: 'soft' }, 'Times are of attempts that succeeded, and accurate to a factor of two.')];
}
)js";

}  // namespace tidings::rest_hook::detail
