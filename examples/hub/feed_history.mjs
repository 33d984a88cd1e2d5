// SPDX-License-Identifier: BSL-1.0
// Posts a git repository's history to the hub as signed GitHub-style pushes, each commit after its
// parents, one a push; then waits for new commits and posts those.
//
//     node feed_history.mjs HUB_URL SECRET REPOSITORY_DIR [PAYLOAD_DIR]
//
// Where there is no history to read it says so, and plays the payloads in PAYLOAD_DIR (written by
// check/payloads.mjs) instead.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { deliver, guid } from './github.mjs';

const between_events_ms = 1000;
const between_looks_ms = 2000;
const no_commit = '0'.repeat(40);

const [hub, secret, folder, payloads] = process.argv.slice(2);
if (!folder) {
    console.error('usage: node feed_history.mjs HUB_URL SECRET REPOSITORY_DIR [PAYLOAD_DIR]');
    process.exit(2);
}
const url = new URL('/in/github', hub);

function git(...args) {
    return execFileSync('git', ['-C', folder, ...args],
        { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, stdio: ['ignore', 'pipe', 'pipe'] });
}

const lines_of = (text) => text.split('\n').filter((line) => line !== '');

/// Only a name that GitHub itself would show is taken from the remote; no other part of its URL is.
function repository() {
    let remote = '';
    try {
        remote = git('remote', 'get-url', 'origin');
    } catch {
        // No remote: the folder's name has to do.
    }
    const on_github = /github\.com[:/]([\w.-]+\/[\w.-]+?)(\.git)?\s*$/.exec(remote);
    const full_name = on_github?.[1] ?? `local/${basename(resolve(folder))}`;
    const [owner, name] = full_name.split('/');
    return {
        name, full_name, owner: { login: owner, name: owner },
        html_url: `https://github.com/${full_name}`, default_branch: 'main',
    };
}

/// The commit as GitHub's push event has it.
function push_of(sha, in_repository) {
    const [tree_id, parents, author, author_mail, committer, committer_mail, timestamp, message] =
        git('show', '-s', '--format=%T%x00%P%x00%an%x00%ae%x00%cn%x00%ce%x00%cI%x00%B', sha).split('\0');
    const before = parents.split(' ')[0] || no_commit;
    const changes = git('diff-tree', '--root', '--no-commit-id', '--no-renames', '-r', '-z',
        '--name-status', sha).split('\0');
    const files = { A: [], M: [], D: [] };
    for (let i = 0; i + 1 < changes.length; i += 2) (files[changes[i]] ?? files.M).push(changes[i + 1]);
    const commit = {
        id: sha, tree_id, distinct: true, message: message.trimEnd(), timestamp,
        url: `${in_repository.html_url}/commit/${sha}`,
        author: { name: author, email: author_mail },
        committer: { name: committer, email: committer_mail },
        added: files.A, removed: files.D, modified: files.M,
    };
    return {
        ref: 'refs/heads/main', before, after: sha, created: before === no_commit, deleted: false,
        forced: false, compare: `${in_repository.html_url}/compare/${before.slice(0, 12)}...${sha.slice(0, 12)}`,
        repository: in_repository, pusher: commit.committer, sender: { login: committer, type: 'User' },
        commits: [commit], head_commit: commit,
    };
}

async function post(event, delivery, body) {
    const { status, text } = await deliver(url, { event, delivery, body, secret });
    if (status !== 202) console.log(`history: ${event} was answered ${status} ${text.slice(0, 200)}`);
}

async function play_history(commits) {
    const in_repository = repository();
    console.log(`history: ${commits.length} commits of ${in_repository.full_name}, one a second`);
    for (let last = ''; ;) {
        for (const sha of commits) {
            await post('push', guid(`push ${sha}`), JSON.stringify(push_of(sha, in_repository)));
            last = sha;
            await sleep(between_events_ms);
        }
        await sleep(between_looks_ms);
        commits = lines_of(git('rev-list', '--topo-order', '--reverse', `${last}..HEAD`));
    }
}

async function play_payloads() {
    const list = payloads && join(payloads, 'feed.json');
    if (!list || !existsSync(list)) return;
    const feed = JSON.parse(readFileSync(list, 'utf8'));
    console.log(`history: playing ${feed.length} payloads recorded from GitHub instead, one a second`);
    for (const { event, delivery, file } of feed) {
        await post(event, delivery, readFileSync(join(payloads, file)));
        await sleep(between_events_ms);
    }
    console.log('history: that was the last one');
}

try {
    let commits = [];
    try {
        commits = lines_of(git('rev-list', '--topo-order', '--reverse', 'HEAD'));
    } catch (e) {
        const why = e.code === 'ENOENT' ? 'git is not installed' : String(e.stderr ?? e).split('\n')[0];
        console.log(`history: no git history to read in this folder (${why})`);
    }
    await (commits.length > 0 ? play_history(commits) : play_payloads());
} catch (e) {
    console.error(`history: ${e.cause?.message ?? e.message}`);
    process.exit(1);
}
