// SPDX-License-Identifier: BSL-1.0
// A small git repository for a test, by nobody's configuration but its own.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export class repository {
    constructor(folder) {
        this.folder = folder;
        mkdirSync(folder, { recursive: true });
        this.git("init", "--quiet", "--initial-branch=main");
    }

    git(...args) {
        const env = Object.fromEntries(
            Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_")));
        return execFileSync("git", ["-C", this.folder, ...args], {
            encoding: "utf8",
            env: {
                ...env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1",
                GIT_AUTHOR_NAME: "Ada Ünal", GIT_AUTHOR_EMAIL: "ada@example.com",
                GIT_COMMITTER_NAME: "Bo", GIT_COMMITTER_EMAIL: "bo@example.com",
                GIT_COMMITTER_DATE: "2024-02-29T12:00:00+01:00",
            },
        }).trimEnd();
    }

    // Writes the files (null: deletes), commits all, and gives the commit.
    commit(message, files) {
        for (const [name, text] of Object.entries(files)) {
            if (text === null) {
                this.git("rm", "--quiet", name);
                continue;
            }
            mkdirSync(dirname(join(this.folder, name)), { recursive: true });
            writeFileSync(join(this.folder, name), text);
        }
        this.git("add", "--all");
        this.git("commit", "--quiet", "--message", message);
        return this.head();
    }

    head() {
        return this.git("rev-parse", "HEAD");
    }
}
