// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace build {

/// Shows every build that the history holds, and goes on live. EventSource connects again by itself
/// and resumes where it was.
constexpr auto page = R"(<!doctype html><meta charset="utf-8"><title>build_on_push</title>
<style>
body { font: 15px sans-serif; margin: 2em; max-width: 60em }
h2 { font-size: 1em; margin: 1.5em 0 .3em }
pre { background: #123; color: #def; padding: .8em; margin: 0; overflow-x: auto; min-height: 1.2em }
.ok { color: #171 } .failed { color: #b22 }
</style>
<h1>Builds</h1><p id="none">No push has come yet.</p><div id="builds"></div>
<script>
const builds = new Map();
function shown(topic) {
    const number = topic.split('.')[1];
    if (!builds.has(number)) {
        document.getElementById('none').hidden = true;
        const box = document.createElement('section');
        box.append(document.createElement('h2'), document.createElement('pre'));
        document.getElementById('builds').prepend(box);
        builds.set(number, { title: box.firstChild, output: box.lastChild });
    }
    return builds.get(number);
}
const text = (e) => e.data ?? new TextDecoder().decode(Uint8Array.from(atob(e.data_base64), (c) => c.charCodeAt(0)));
const source = new EventSource('events?topic=' + encodeURIComponent('build.>') + '&after=');
source.onmessage = (message) => {
    const e = JSON.parse(message.data);
    if (!e.type.startsWith('build.')) return;
    const { title, output } = shown(e.topic);
    if (e.type === 'build.started') {
        builds.get(e.topic.split('.')[1]).title.textContent =
            `${e.data.repository} ${e.data.ref} ${e.data.commit.slice(0, 8)}: running`;
        output.textContent = '';
    } else if (e.type === 'build.output') {
        output.textContent += text(e) + '\n';
    } else if (e.type === 'build.finished') {
        title.textContent = title.textContent.replace(/: running$/, '') + ': ' +
            (e.data.timed_out ? 'took too long' : e.data.exit_code === 0 ? 'succeeded' :
             `failed with ${e.data.exit_code}`);
        title.className = e.data.exit_code === 0 ? 'ok' : 'failed';
    }
};
</script>)";

}  // namespace build
