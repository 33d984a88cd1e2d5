// SPDX-License-Identifier: BSL-1.0
// When tests kill a process: the same moments at every run, as far as the system's scheduling allows.
let seed = 0x2545f491;

// 0 to `below` - 1.
export function random(below) {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return (seed >>> 0) % below;
}
