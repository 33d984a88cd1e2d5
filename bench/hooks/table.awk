# SPDX-License-Identifier: BSL-1.0
#
# Lines of run.sh in, markdown tables out: of each work and figure the medians over the rounds, and
# the ratios to the size `base` round by round.

{
    delete field
    for (i = 1; i <= NF; ++i) {
        split($i, pair, "=")
        field[pair[1]] = pair[2]
    }
    name = field["case"]
    size = field["server"]
    if (!(name in seen_case)) { seen_case[name]; cases[++case_count] = name }
    if (!(size in seen_size)) { seen_size[size]; sizes[++size_count] = size }
    if (field["round"] > rounds) rounds = field["round"]
    for (i = 1; i <= NF; ++i) {
        split($i, pair, "=")
        what = pair[1]
        if (what !~ /_(us|bytes)$/) continue
        if (!((name, what) in seen)) { seen[name, what]; figures[name, ++count[name]] = what }
        figure[name SUBSEP what, size, field["round"]] = pair[2]
    }
}

# The ratios of the rounds go to `each`; gives their median.
function ratio(of, size,    list, n, r) {
    each = ""
    for (r = 1; r <= rounds; ++r) {
        if (!((of, size, r) in figure) || !(figure[of, base, r] > 0)) continue
        list[++n] = figure[of, size, r] / figure[of, base, r]
        each = each sprintf("%s%.2f", (n > 1 ? " " : ""), list[n])
    }
    return n ? sprintf("%.2f", median(list, n)) : "-"
}

END {
    print "| work | figure | subscriptions | each | × " base " | in each round |"
    print "|---|---|---|---|---|---|"
    for (c = 1; c <= case_count; ++c)
        for (f = 1; f <= count[cases[c]]; ++f)
            for (s = 1; s <= size_count; ++s) {
                of = cases[c] SUBSEP figures[cases[c], f]
                of_all = ratio(of, sizes[s])
                printf "| %s | %s | %s | %.2f | %s | %s |\n", cases[c], figures[cases[c], f], \
                    sizes[s], over_rounds(figure, of, sizes[s]), of_all, each
            }
}
