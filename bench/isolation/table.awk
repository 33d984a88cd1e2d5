# SPDX-License-Identifier: BSL-1.0
#
# Lines of run.sh in, a markdown table out: medians over the rounds, and ratios round by round.

{
    delete field
    for (i = 1; i <= NF; ++i) {
        split($i, pair, "=")
        field[pair[1]] = pair[2]
    }
    if (!(field["case"] in seen)) { seen[field["case"]]; cases[++case_count] = field["case"] }
    if (field["round"] > rounds) rounds = field["round"]
    key = field["case"] SUBSEP (field["stalled"] > 0) SUBSEP field["round"]
    cpu[key] = field["cpu_us"]
    resident[key] = field["resident_kib"] / 1024
}

END {
    print "| case | CPU µs per delivery, alone | with stalled | × | resident MiB, alone | with stalled | × in each round |"
    print "|---|---|---|---|---|---|---|"
    for (c = 1; c <= case_count; ++c) {
        name = cases[c]
        each = ""
        for (r = 1; r <= rounds; ++r) {
            ratio[r] = cpu[name, 1, r] / cpu[name, 0, r]
            each = each sprintf("%s%.2f", (r > 1 ? " " : ""), ratio[r])
        }
        printf "| %s | %.3f | %.3f | %.2f | %.1f | %.1f | %s |\n", name, over_rounds(cpu, name, 0), \
            over_rounds(cpu, name, 1), median(ratio, rounds), over_rounds(resident, name, 0), \
            over_rounds(resident, name, 1), each
    }
}
