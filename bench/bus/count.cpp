// SPDX-License-Identifier: BSL-1.0
//
// One walk of the bus again and again, for callgrind: what `measured` takes is the figure.
//
//     valgrind --tool=callgrind --toggle-collect='measured*' count WALK TIMES

#include "walks.hpp"

#include <functional>
#include <map>

namespace {

using bus_bench::bed;

struct walk {
    std::size_t callbacks, history;
    void (*once)(bed&);
};

void prepared(bed& b) {
    b.publish_prepared();
}
void fresh(bed& b) {
    b.publish_new();
}
void come_and_go(bed& b) {
    b.come_and_go();
}

const std::map<std::string_view, walk> walks = {
    {"prepared-1", {1, 0, prepared}},
    {"prepared-10", {10, 0, prepared}},
    {"prepared-100", {100, 0, prepared}},
    {"prepared-1000", {1000, 0, prepared}},
    {"new-1", {1, 0, fresh}},
    {"history-1", {1, bus_bench::held, fresh}},
    {"subscribe-1000", {1000, 0, come_and_go}},
};

}  // namespace

[[gnu::noinline]] void measured(bed& b, void (*once)(bed&), unsigned long times) {
    for (; times != 0; --times) once(b);
}

int main(int argc, char** argv) {
    const auto found = argc == 3 ? walks.find(argv[1]) : walks.end();
    if (found == walks.end()) {
        std::fputs("count WALK TIMES; the walks:", stderr);
        for (const auto& [name, w] : walks) std::fprintf(stderr, " %s", std::string(name).c_str());
        std::fputs("\n", stderr);
        return EXIT_FAILURE;
    }
    const bus_bench::idle_thread beside;
    const auto& w = found->second;
    bed b(w.callbacks, w.history);
    for (int i = 0; i < 100; ++i) w.once(b);  // routes are known, tables have their size
    measured(b, w.once, std::strtoul(argv[2], nullptr, 10));
}
