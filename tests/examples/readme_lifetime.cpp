// SPDX-License-Identifier: BSL-1.0
// The objects of the README's program, and the context, go in every order with traffic of every
// kind under way. What is left over, or used after its end, the fixtures and ASan find.
#include "support/readme_program.hpp"
#include "support/world.hpp"

#include <algorithm>
#include <array>

namespace tidings::test {

namespace {

/// The program, before a target that keeps everybody waiting.
struct program : readme_program {
    explicit program(world& in, sink_server& sink)
        : readme_program(in.io(), sink.url(), in.environment()),
          w(in) {
        sink.answer = [all = unanswered](http::exchange& x) { all->push_back(std::move(x)); };
    }

    world& w;
    std::shared_ptr<std::vector<http::exchange>> unanswered =
        std::make_shared<std::vector<http::exchange>>();
};

// One handler at a time, publishing all the while.
void run_steps(program& p, readme_clients& c, int steps) {
    for (int i = 0; i < steps; ++i) {
        if (p.w.io().stopped()) p.w.io().restart();
        if (p.w.io().poll_one() == 0 && !p.w.clock().advance_to_next()) return;
        if (i % 8 == 0) p.publish();
        if (i % 16 == 0) c.send();
    }
}

}  // namespace

TEST_CASE("the traffic of the README's program is under way when its objects go", "[lifetime]") {
    world w;
    world_sink target(w);
    program p(w, target);
    readme_clients c(w.io(), p, w.environment());
    int laps = 0;
    w.run_until([&] {
        // Whichever of them opens last, something comes after it.
        if (++laps % 16 == 0) p.publish();
        return p.counts->answers == 3 && c.seen->count() != 0 && p.counts->watched != 0 &&
               !p.unanswered->empty() && p.server->connections() >= 4;
    });
    p.publish();
    w.run_until([&] { return p.unanswered->size() >= 2; });  // to the endpoint and to the hook
    CHECK(p.counts->answers == 3);                           // the long poll waits still
}

TEST_CASE("context, bus, server, sender, hook and watch go in any order amid traffic",
          "[lifetime]") {
    std::array<int, 6> order{0, 1, 2, 3, 4, 5};
    int steps = 0;
    do {
        // Another moment each time, from before the first handler to long after the last answer.
        steps = (steps + 37) % 401;
        const bool clients_first = steps % 2 == 0;
        INFO("steps " << steps << ", order " << order[0] << order[1] << order[2] << order[3]
                      << order[4] << order[5]);
        world w;
        world_sink target(w);
        std::optional<program> p(std::in_place, w, target);
        std::optional<readme_clients> c(std::in_place, w.io(), *p, w.environment());
        run_steps(*p, *c, steps);
        if (clients_first) c.reset();
        bool gone = false;
        for (const int which : order) {
            if (which == program::objects) {
                gone = true;
                w.destroy_context();
            } else {
                p->destroy(which);
            }
            // Some of what that set going has happened when the next one goes.
            if (!gone && c) run_steps(*p, *c, 3);
        }
    } while (std::next_permutation(order.begin(), order.end()));
}

}  // namespace tidings::test
