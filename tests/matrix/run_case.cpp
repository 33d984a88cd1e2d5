// SPDX-License-Identifier: BSL-1.0
#include "matrix/run_case.hpp"

#include "matrix/scene.hpp"

#include <filesystem>
#include <set>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace tidings::matrix {

namespace {

void compare(findings& found, const char* what, std::size_t before, std::size_t after) {
    if (after != before)
        found.push_back("left behind: " + std::to_string(after) + ' ' + what + " instead of " +
                        std::to_string(before));
}

// What the process makes at first use, it keeps.
void warm_up(const row& r) {
    static std::set<std::string> warm;
    if (!warm.insert(r.name).second) return;
    scene s(r, {});
    cases::no_echo(s);
    s.end();
}

}  // namespace

counters count_now() {
    counters c;
    c.publications = publication::live();
    std::error_code ec;
    const std::filesystem::directory_iterator open("/proc/self/fd", ec);
    if (!ec) c.descriptors = static_cast<std::size_t>(std::distance(begin(open), end(open)));
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
    const auto heap = mallinfo2();
    c.heap_bytes = heap.uordblks + heap.hblkhd;
#endif
    return c;
}

findings run_case(const row& r, test_case c, const std::optional<plan>& p) {
    warm_up(r);
    const auto before = count_now();
    findings found;
    {
        scene s(r, p);
        found = c(s);
        add(found, s.end());
    }
    const auto after = count_now();
    release_kept();
    compare(found, "publications", before.publications, after.publications);
    compare(found, "descriptors", before.descriptors, after.descriptors);
    if (after.heap_bytes > before.heap_bytes + heap_slack_bytes)
        found.push_back("left behind: " + std::to_string(after.heap_bytes - before.heap_bytes) +
                        " bytes of memory");
    return found;
}

}  // namespace tidings::matrix
