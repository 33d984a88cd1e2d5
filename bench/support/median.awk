# SPDX-License-Identifier: BSL-1.0

# The median of list[1..count]; sorts it.
function median(list, count,    i, j, value) {
    for (i = 2; i <= count; ++i) {
        value = list[i]
        for (j = i - 1; j >= 1 && list[j] > value; --j) list[j + 1] = list[j]
        list[j + 1] = value
    }
    if (count == 0) return 0
    return count % 2 ? list[(count + 1) / 2] : (list[count / 2] + list[count / 2 + 1]) / 2
}

# The median over `rounds` of one contender's figure in one case: of figure[case, contender, round],
# where it has one.
function over_rounds(figure, name, contender,    list, count, r) {
    for (r = 1; r <= rounds; ++r)
        if ((name, contender, r) in figure) list[++count] = figure[name, contender, r] + 0
    return median(list, count)
}
