// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string_view>

namespace tidings::rest_hook::detail {

/// How a portal's page looks. The variables are what a theme may set.
inline constexpr std::string_view portal_style = R"css(:root {
    --ground: #f6f6f3; --card: #ffffff; --ink: #1c1f1e; --soft: #5c6462; --line: #dcded8;
    --accent: #0f766e; --accent-soft: #d9efec; --on-accent: #ffffff;
    --good: #15803d; --wait: #a14a07; --bad: #b91c1c; --radius: 10px;
    --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", sans-serif;
    --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace;
}
@media (prefers-color-scheme: dark) {
    :root {
        --ground: #131615; --card: #1b1f1e; --ink: #e6e9e7; --soft: #9aa4a1; --line: #303735;
        --accent: #5ec9bd; --accent-soft: #17403b; --on-accent: #0b1a18;
        --good: #4ade80; --wait: #fbbf24; --bad: #f87171;
    }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0 auto; max-width: 1200px; padding: 0 24px 48px; background: var(--ground); color: var(--ink); font: 15px/1.5 var(--sans); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
h2:focus, h3:focus { outline: none; }
a { color: var(--accent); text-underline-offset: 2px; }
code, pre, textarea, .mono { font-family: var(--mono); font-size: 13px; }
code { overflow-wrap: anywhere; }
p { margin: 0; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.soft { color: var(--soft); font-size: 13px; }

.top { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 20px; padding: 18px 0 14px; border-bottom: 1px solid var(--line); margin-bottom: 20px; }
h1 { margin: 0 auto 0 0; font-size: 19px; font-weight: 650; letter-spacing: -0.01em; }
h1 a { color: inherit; text-decoration: none; }
h1 a:hover { text-decoration: underline; }
#who { color: var(--soft); font-size: 14px; overflow-wrap: anywhere; }
#messages { position: sticky; top: 0; z-index: 1; }
#notice, #problem { padding: 9px 14px; margin-bottom: 16px; border: 1px solid var(--accent); border-radius: var(--radius); background: var(--accent-soft); overflow-wrap: anywhere; }
#problem { border-color: var(--bad); background: var(--card); color: var(--bad); }
#notice:empty, #problem:empty { display: none; }

button, input, select, textarea { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 6px 12px; min-height: 36px; max-width: 100%; }
textarea { font: 13px/1.5 var(--mono); }
input, select, textarea { border-color: var(--soft); padding: 6px 10px; }
button { cursor: pointer; }
button:hover:not(:disabled) { border-color: var(--accent); }
button:disabled { opacity: 0.55; cursor: default; }
button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button.main:hover:not(:disabled) { filter: brightness(1.08); }
button.risky { color: var(--bad); }
button.plain { border: 0; background: none; padding: 0; min-height: 0; color: var(--accent); text-align: left; text-decoration: underline; text-underline-offset: 2px; }
[aria-invalid="true"] { border-color: var(--bad); }

.bar { display: flex; flex-wrap: wrap; align-items: end; gap: 10px 12px; margin-bottom: 16px; }
.bar h2 { margin: 0 auto 0 0; }
.bar form { display: flex; flex-wrap: wrap; gap: 10px 12px; align-items: end; }
.bar label { display: grid; gap: 2px; font-size: 13px; color: var(--soft); }
.bar label > * { color: var(--ink); font-size: 14px; }
.bar input { width: 12em; }
h2 { margin: 0; font-size: 19px; line-height: 1.3; font-weight: 650; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h3 { margin: 0; font-size: 15px; font-weight: 650; }

.hooks { list-style: none; margin: 0; padding: 0; background: var(--card); border: 1px solid var(--line); border-radius: var(--radius); overflow: hidden; }
.hooks > li { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 4fr) 84px; gap: 2px 20px; align-items: start; padding: 13px 18px; position: relative; }
.hooks > li + li { border-top: 1px solid var(--line); }
.hooks > li:hover { background: color-mix(in srgb, var(--accent-soft) 35%, var(--card)); }
.hooks a { font-weight: 600; color: inherit; text-decoration: none; overflow-wrap: anywhere; }
.hooks a::after { content: ""; position: absolute; inset: 0; }
.hooks a:focus-visible { outline: none; }
.hooks a:focus-visible::after { outline: 2px solid var(--accent); outline-offset: -3px; border-radius: var(--radius); }
.hooks > li > div:last-child { text-align: right; }
.hooks .where { display: block; color: var(--soft); overflow-wrap: anywhere; }
.topics { display: flex; flex-wrap: wrap; gap: 5px; margin: 0; padding: 0; list-style: none; }
.topics code { padding: 1px 7px; border-radius: 5px; background: var(--ground); border: 1px solid var(--line); }
.badge { display: inline-block; padding: 1px 9px; border: 1px solid currentcolor; border-radius: 99px; font-size: 12.5px; font-weight: 600; white-space: nowrap; color: var(--soft); }
.badge.good { color: var(--good); } .badge.wait { color: var(--wait); } .badge.bad { color: var(--bad); }
.empty { padding: 44px 24px; text-align: center; color: var(--soft); background: var(--card); border: 1px solid var(--line); border-radius: var(--radius); }
.empty h2 { color: var(--ink); margin-bottom: 8px; }
.empty .actions { justify-content: center; margin-bottom: 0; }
.more { margin-top: 12px; }

.head { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: center; margin: 10px 0 4px; }
.reason { color: var(--bad); margin: 4px 0 0; overflow-wrap: anywhere; }
.actions { display: flex; flex-wrap: wrap; gap: 8px; margin: 14px 0 18px; }
.sides { display: grid; grid-template-columns: minmax(0, 7fr) minmax(0, 3fr); gap: 16px; align-items: start; }
.sides > div { display: grid; gap: 16px; min-width: 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: var(--radius); padding: 14px 18px 16px; min-width: 0; }
.card > header { display: flex; flex-wrap: wrap; gap: 6px 12px; align-items: center; margin-bottom: 10px; }
.card > header h3 { margin-right: auto; }
.card > header button { min-height: 30px; padding: 2px 10px; font-size: 14px; }
.card dl { margin: 0; display: grid; gap: 10px; }
.card dt { color: var(--soft); font-size: 13px; }
.card dd { margin: 0; overflow-wrap: anywhere; }
.card .figures { display: flex; flex-wrap: wrap; gap: 6px 32px; margin: 0 0 12px; }
.figures div { display: flex; flex-direction: column-reverse; }
.card .figures dd { font-size: 21px; line-height: 1.25; font-variant-numeric: tabular-nums; }
.chart svg { display: block; width: 100%; height: 232px; }
.chart text { fill: var(--soft); font: 11.5px var(--sans); font-variant-numeric: tabular-nums; }
.chart .rule { stroke: var(--line); } .chart .ok { fill: var(--good); } .chart .no { fill: var(--bad); }
.chart .hatch { stroke: var(--card); stroke-width: 1.5; opacity: 0.75; }
.chart .line { fill: none; stroke: var(--accent); stroke-width: 2; } .chart .dot { fill: var(--accent); }
.chart .slow { fill: none; stroke: var(--accent); stroke-width: 1.5; opacity: 0.65; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; font-size: 13px; color: var(--soft); margin: 4px 0 6px; padding: 0; list-style: none; }
.legend svg { width: 14px; height: 14px; vertical-align: -2px; margin-right: 5px; display: inline; }
details summary { cursor: pointer; color: var(--accent); font-size: 14px; width: fit-content; }
.scroll { overflow-x: auto; }

table { width: 100%; border-collapse: collapse; font-size: 14px; }
th { text-align: left; font-weight: 500; font-size: 13px; color: var(--soft); border-bottom: 1px solid var(--line); }
th, td { padding: 7px 12px 7px 0; vertical-align: top; }
td { border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
tr:last-child > td { border-bottom: 0; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th.number:last-child, td.number:last-child { padding-right: 0; }
td .soft { display: block; }
tr.open > td, tr:has(+ tr[hidden]:last-child) > td { border-bottom: 0; }
.exchange { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 12px; padding-bottom: 8px; }
.exchange h4 { margin: 0 0 4px; font-size: 13px; }
.exchange pre { margin: 0; padding: 9px 11px; max-height: 320px; overflow: auto; background: var(--ground); border: 1px solid var(--line); border-radius: 6px; font: 12.5px/1.5 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; }
.exchange .all { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; }

dialog { width: min(620px, calc(100vw - 24px)); max-height: calc(100dvh - 24px); padding: 0; border: 1px solid var(--line); border-radius: var(--radius); background: var(--card); color: var(--ink); }
dialog::backdrop { background: rgb(0 0 0 / 50%); }
dialog form { display: grid; gap: 14px; padding: 18px 20px 20px; }
dialog label, .field { display: grid; gap: 3px; font-size: 14px; min-width: 0; }
dialog label { font-weight: 600; }
dialog label > * { font-weight: 400; }
dialog input, dialog select, dialog textarea { width: 100%; }
dialog .pair { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 14px; align-items: start; }
dialog .hint { color: var(--soft); font-size: 13px; }
dialog .wrong { flex: 1 0 100%; color: var(--bad); font-size: 14px; overflow-wrap: anywhere; }
dialog .wrong:empty { display: none; }
dialog .ends { position: sticky; bottom: 0; display: flex; flex-wrap: wrap; gap: 10px; justify-content: flex-end; margin: 0 -20px -20px; padding: 12px 20px; background: var(--card); border-top: 1px solid var(--line); }
dialog details > div { display: grid; gap: 14px; margin-top: 12px; }
.types { list-style: none; margin: 4px 0 0; padding: 0; max-height: 160px; overflow: auto; display: grid; gap: 6px; font-size: 14px; }
.secret { display: block; padding: 10px 12px; background: var(--ground); border: 1px solid var(--line); border-radius: 6px; user-select: all; }

@media (max-width: 760px) {
    body { padding: 0 12px 32px; }
    .top { padding: 12px 0; margin-bottom: 14px; }
    h1 { flex-basis: 100%; }
    #who { margin-right: auto; }
    .hooks > li { grid-template-columns: minmax(0, 1fr) auto; padding: 12px 14px; }
    .hooks .topics { grid-column: 1 / -1; grid-row: 2; margin-top: 5px; }
    .bar form { width: 100%; }
    .bar form label { flex: 1 1 30%; min-width: 0; }
    .bar input, .bar select { width: 100%; }
    .sides, .exchange, dialog .pair { grid-template-columns: minmax(0, 1fr); }
    .card { padding: 12px 14px 14px; }
    .actions button { flex: 1 1 auto; }
    .card .figures { gap: 6px 22px; }
    th, td { padding-right: 8px; }
    dialog form { padding: 14px; }
    dialog .ends { margin: 0 -14px -14px; padding: 10px 14px; }
    .log th:first-child { width: 56%; }
}
@media (prefers-reduced-motion: no-preference) { button, .hooks > li { transition: background-color 0.12s, border-color 0.12s; } }
)css";

}  // namespace tidings::rest_hook::detail
