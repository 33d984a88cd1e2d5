// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/finds_memory.hpp>
#include <tidings/rest_hook/impl/hook_editor.hpp>

// What the outbox is to know of a subscription before a request is answered.

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

// What is published behind the answer is delivered, also if the process ends before the outbox has
// it.
void hook_editor::once_placed(const call_ptr& c, const std::string& id,
                              unique_function<void()> late, unique_function<void(bool)> f) const {
    struct question {
        std::shared_ptr<waiting_call> waiting;
        unique_function<void(bool)> f;
    };
    const auto lane = c->exchange.lane();
    const auto q = std::make_shared<question>();
    q->waiting = wait_for_store(c, parts_.options->table_timeout, std::move(late));
    q->f = std::move(f);
    const bool waits = parts_.hooks->when_placed(id, [lane, q](bool placed) {
        const bool posted = finds_memory([&] {
            lane->post([q, placed] {
                if (q->waiting->end()) q->f(placed);
            });
        });
        static_cast<void>(posted);  // else it is late
    });
    if (waits) return;
    q->waiting->end();
    q->f(true);
}

// A filter judges what is published behind its change, also after a restart: how far the one before
// it has judged is stored before the change is.
void hook_editor::store_places(const edit_ptr& e, const hook_outlet::endpoint_ptr& of) {
    e->is_placed = true;
    const auto lane = e->call->exchange.lane();
    const auto waiting = wait_for_store(e->call, parts_.options->table_timeout);
    auto on_done = [self = shared_from_this(), lane, waiting, e](error_code ec) {
        finds_memory([&] {
            lane->post([self, waiting, e, ec] {
                if (!waiting->end()) return;
                if (!ec) return self->run(e);
                e->call->respond(try_again("where it goes on could not be stored"));
            });
        });
    };
    of->store_passed(std::move(on_done));
}

}  // namespace tidings::rest_hook::detail
