# SPDX-License-Identifier: BSL-1.0
#
# Lines of run.sh in, one markdown table out: medians over the rounds, and for CPU the ratios to Bun
# round by round.

{
    delete field
    for (i = 1; i <= NF; ++i) {
        split($i, pair, "=")
        field[pair[1]] = pair[2]
    }
    work = field["work"]
    server = field["server"]
    if (!(work in seen_work)) { seen_work[work]; works[++work_count] = work }
    if (!(server in seen_server)) { seen_server[server]; servers[++server_count] = server }
    if (field["round"] > rounds) rounds = field["round"]
    key = work SUBSEP server SUBSEP field["round"]
    if ("cpu_us" in field) cpu[key] = field["cpu_us"]
    heap[key] = field["heap"]
    resident[key] = field["resident"]
}

END {
    for (w = 1; w <= work_count; ++w) {
        work = works[w]
        idle = work ~ /^idle/
        print "**" work "**\n"
        if (idle) print "| server | heap, bytes | resident, bytes |\n|---|---|---|"
        else print "| server | CPU µs | × Bun | × Bun in each round |\n|---|---|---|---|"
        for (s = 1; s <= server_count; ++s) {
            server = servers[s]
            if (idle) {
                printf "| %s | %d | %d |\n", server, over_rounds(heap, work, server), over_rounds(resident, work, server)
                continue
            }
            each = ""
            delete ratio
            for (r = 1; r <= rounds; ++r) {
                if (!((work SUBSEP "bun" SUBSEP r) in cpu)) continue
                ratio[work, server, r] = cpu[work, server, r] / cpu[work, "bun", r]
                each = each sprintf(" %.2f", ratio[work, server, r])
            }
            printf "| %s | %.3f | %.2f |%s |\n", server, over_rounds(cpu, work, server), over_rounds(ratio, work, server), each
        }
        print ""
    }
}
