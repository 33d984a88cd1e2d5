# SPDX-License-Identifier: BSL-1.0
#
# Lines of run.sh in, markdown tables out: medians over the rounds, and ratios to the loop round by
# round.

{
    delete field
    for (i = 1; i <= NF; ++i) {
        split($i, pair, "=")
        field[pair[1]] = pair[2]
    }
    name = field["case"]
    if (!(name in seen)) { seen[name]; cases[++case_count] = name }
    if (field["round"] > rounds) rounds = field["round"]
    key = name SUBSEP field["server"] SUBSEP field["round"]
    wall[key] = field["wall_us"]
    cpu[key] = field["cpu_us"]
    group[key] = field["group"]
    if ("commit_p99_us" in field) { p99[key] = field["commit_p99_us"]; worst[key] = field["commit_worst_us"] }
}

# The ratios of the rounds go to `each`; gives their median.
function ratio(figure, name,    list, r) {
    each = ""
    for (r = 1; r <= rounds; ++r) {
        list[r] = figure[name, "tidings", r] / figure[name, "loop", r]
        each = each sprintf("%s%.2f", (r > 1 ? " " : ""), list[r])
    }
    return median(list, rounds)
}

END {
    print "| waiting | group | µs per event, tidings | loop | × | CPU µs, tidings | loop | × | commit p99, worst, µs | × in each round |"
    print "|---|---|---|---|---|---|---|---|---|---|"
    for (c = 1; c <= case_count; ++c) {
        name = cases[c]
        of_cpu = ratio(cpu, name)
        of_wall = ratio(wall, name)
        printf "| %s | %.0f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.0f, %.0f | %s |\n", name, \
            over_rounds(group, name, "tidings"), over_rounds(wall, name, "tidings"), \
            over_rounds(wall, name, "loop"), of_wall, over_rounds(cpu, name, "tidings"), \
            over_rounds(cpu, name, "loop"), of_cpu, over_rounds(p99, name, "tidings"), \
            over_rounds(worst, name, "tidings"), each
    }
}
