# SPDX-License-Identifier: BSL-1.0
#
# Lines of run.sh in, markdown tables out: medians over the rounds, and ratios to the server `base`
# round by round.

{
    delete field
    for (i = 1; i <= NF; ++i) {
        split($i, pair, "=")
        field[pair[1]] = pair[2]
    }
    server = field["server"]
    if (!(field["case"] in seen_case)) { seen_case[field["case"]]; cases[++case_count] = field["case"] }
    if (!(server in seen_server)) { seen_server[server]; servers[++server_count] = server }
    if (field["round"] > rounds) rounds = field["round"]
    key = field["case"] SUBSEP server SUBSEP field["round"]
    cpu[key] = field["cpu_us"]
    if ("segments" in field) { sends = 1; segments[key] = field["segments"] }
    if ("wire_bytes" in field) { counted = 1; bytes[key] = field["wire_bytes"] }
}

# Sets `each` and `middle` to the ratios to `base` of the rounds and their median.
function ratios(name, server,    list, count, r, key, measure) {
    each = ""
    middle = "-"
    for (r = 1; r <= rounds; ++r) {
        key = name SUBSEP server SUBSEP r
        measure = name SUBSEP base SUBSEP r
        if (!(key in cpu) || !(measure in cpu)) continue
        list[++count] = cpu[key] / cpu[measure]
        each = each sprintf("%s%.2f", (count > 1 ? " " : ""), list[count])
    }
    if (count) middle = sprintf("%.2f", median(list, count))
}

END {
    if (!who) who = "server"
    for (c = 1; c <= case_count; ++c) {
        name = cases[c]
        printf "%s**%s**\n\n", (c > 1 ? "\n" : ""), name
        printf "| %s | CPU µs per delivery | × %s |%s%s × %s in each round |\n", who, base, \
            sends ? " sends per delivery |" : "", counted ? " bytes per delivery |" : "", base
        print "|---|---|---|" (sends ? "---|" : "") (counted ? "---|" : "") "---|"
        for (s = 1; s <= server_count; ++s) {
            ratios(name, servers[s])
            printf "| %s | %.3f | %s |", servers[s], over_rounds(cpu, name, servers[s]), middle
            if (sends) printf " %.4f |", over_rounds(segments, name, servers[s])
            if (counted) printf " %.1f |", over_rounds(bytes, name, servers[s])
            printf " %s |\n", each
        }
    }
}
