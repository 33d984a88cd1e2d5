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
