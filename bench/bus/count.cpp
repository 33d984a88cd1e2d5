// SPDX-License-Identifier: BSL-1.0
//
// One walk of the bus again and again, for callgrind: what `measured` takes is the figure.
//
//     valgrind --tool=callgrind --toggle-collect='*measured*' count WALK TIMES

#include "deliveries.hpp"

#include <functional>
#include <map>

namespace {

using bus_bench::bed;
using bus_bench::posted_bed;
using bus_bench::receive_bed;
using bus_bench::topics_bed;

template <class Bed>
using step = void (*)(Bed&);

}  // namespace

template <class Bed>
[[gnu::noinline]] void measured(Bed& b, step<Bed> once, unsigned long times) {
    for (; times != 0; --times) once(b);
}

namespace {

using walk = std::function<void(unsigned long)>;

template <class Bed, class... Args>
walk on(step<Bed> once, Args... args) {
    return [=](unsigned long times) {
        Bed b(args...);
        for (int i = 0; i < 1000; ++i) once(b);  // routes are known, tables have their size
        measured(b, once, times);
    };
}

walk publishing(std::size_t callbacks) {
    return on<bed>([](bed& b) { b.publish_prepared(); }, callbacks, std::size_t(0));
}
walk publishing_new(std::size_t history) {
    return on<bed>([](bed& b) { b.publish_new(); }, std::size_t(1), history);
}
walk posting(std::size_t burst) {
    return on<posted_bed>([](posted_bed& b) { b.once(); }, std::size_t(100), burst);
}
walk receiving(receive_bed::way w, std::size_t burst) {
    return on<receive_bed>([](receive_bed& b) { b.once(); }, w, burst);
}

const std::map<std::string_view, walk> walks = {
    {"prepared-1", publishing(1)},
    {"prepared-10", publishing(10)},
    {"prepared-100", publishing(100)},
    {"prepared-1000", publishing(1000)},
    {"new-1", publishing_new(0)},
    {"history-1", publishing_new(bus_bench::held)},
    {"subscribe-1000", on<bed>([](bed& b) { b.come_and_go(); }, std::size_t(1000), std::size_t(0))},
    // One of a thousand topics that have one callback each, in turn.
    {"topics-1", on<topics_bed>([](topics_bed& b) { b.publish_prepared(); }, std::size_t(1))},
    {"topics-1000", on<topics_bed>([](topics_bed& b) { b.publish_prepared(); }, std::size_t(1000))},
    {"names-1", on<topics_bed>([](topics_bed& b) { b.publish_by_name(); }, std::size_t(1))},
    {"names-1000", on<topics_bed>([](topics_bed& b) { b.publish_by_name(); }, std::size_t(1000))},
    // A burst each: to 100 callbacks of one executor; of one receiver.
    {"posted-1", posting(1)},
    {"posted-16", posting(16)},
    {"receive-1", receiving(receive_bed::way::handler, 1)},
    {"receive-16", receiving(receive_bed::way::handler, 16)},
    {"coroutine-16", receiving(receive_bed::way::coroutine, 16)},
    {"batch-16", receiving(receive_bed::way::batch, 16)},
};

}  // namespace

int main(int argc, char** argv) {
    const auto found = argc == 3 ? walks.find(argv[1]) : walks.end();
    if (found == walks.end()) {
        std::fputs("count WALK TIMES; the walks:", stderr);
        for (const auto& [name, w] : walks) std::fprintf(stderr, " %s", std::string(name).c_str());
        std::fputs("\n", stderr);
        return EXIT_FAILURE;
    }
    const bus_bench::idle_thread beside;
    found->second(std::strtoul(argv[2], nullptr, 10));
}
