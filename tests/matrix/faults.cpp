// SPDX-License-Identifier: BSL-1.0
#include "matrix/faults.hpp"

#include "matrix/expectation.hpp"
#include "matrix/run_case.hpp"

#include <tidings/event_json.hpp>
#include <tidings/text/impl/timestamp.hpp>

#include <boost/asio/bind_executor.hpp>

#include <algorithm>
#include <cstdio>
#include <vector>

namespace tidings::matrix {

namespace {

/// What is held when all is over.
struct leaks {
    std::vector<event_ptr> events;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{nullptr, &std::fclose};
    std::vector<char> memory;
    std::unique_ptr<io::timer> timer;
};

leaks& kept() {
    static leaks all;
    return all;
}

void leak(fault f, const world& w) {
    if (f == fault::leak_descriptor) kept().file.reset(std::fopen("/proc/self/exe", "rb"));
    if (f == fault::leak_memory) kept().memory.assign(2 * heap_slack_bytes, 'x');
    if (f != fault::leak_timer) return;
    const auto clock = w.environment().clock;
    kept().timer = clock->make_timer(w.executor());
    kept().timer->start_wait(clock->now() + std::chrono::hours(24), [] {});
}

// A copy to alter, its id and time those that are known already.
event copy_of(const event_ptr& e) {
    auto copy = e->event();
    error_code ec;
    copy.id(e->id());
    copy.time(detail::parse_timestamp(e->time(), ec));
    return copy;
}

event without_extension(const event& e, std::string_view name) {
    event rest(e.type(), e.source());
    rest.id(e.id()).subject(e.subject()).data_schema(e.data_schema());
    if (e.time()) rest.time(*e.time());
    if (e.has_data()) rest.data(std::string(e.text()), e.content_type());
    for (const auto& [key, value] : e.extensions())
        if (key != name) rest.extension(key, value);
    return rest;
}

event without_data(const event& e) {
    event rest(e.type(), e.source());
    rest.id(e.id()).subject(e.subject()).data_schema(e.data_schema());
    if (e.time()) rest.time(*e.time());
    for (const auto& [key, value] : e.extensions()) rest.extension(key, value);
    return rest;
}

event without_types(event e) {
    const auto values = e.extensions();
    for (const auto& [name, value] : values) e.extension(name, canonical_text(value));
    return e;
}

std::string reformatted(const std::string& text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    return json.is_discarded() ? text : json.dump();
}

std::string as_utf8(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Faults of data.
void bend_data(fault f, event& e) {
    if (!e.has_data()) {
        if (f == fault::invent_data) e.data("null", "application/json");
        return;
    }
    std::string bytes(e.text());
    if (f == fault::alter_byte && !bytes.empty()) bytes[bytes.size() / 2] ^= 1;
    if (f == fault::truncate) bytes.resize(std::min<std::size_t>(bytes.size(), 64 * 1024));
    if (f == fault::reformat_json) bytes = reformatted(bytes);
    if (f == fault::turn_cr_into_lf) std::replace(bytes.begin(), bytes.end(), '\r', '\n');
    if (f == fault::replace_ill_formed) bytes = as_utf8(bytes);
    if (f == fault::lose_data || (f == fault::lose_empty_data && bytes.empty()))
        e = without_data(e);
    else
        e.data(std::move(bytes), e.content_type());
}

// Faults of attributes; what is not there is left alone.
void bend_attributes(fault f, event& e) {
    const auto has = [&](std::string_view name) { return e.extension(name) != nullptr; };
    if (f == fault::lose_extension && has("no")) e = without_extension(e, "no");
    if (f == fault::lose_types) e = without_types(std::move(e));
    if (f == fault::alter_extension && has("text")) e.extension("text", std::string("another"));
    if (f == fault::invent_extension) e.extension("invented", 1);
    if (f == fault::lose_subject) e.subject("");
    if (f == fault::round_time) e.time(std::chrono::floor<std::chrono::milliseconds>(*e.time()));
    if (f == fault::alter_id) e.id(std::string(e.id()) + "x");
    if (f == fault::alter_type) e.type(std::string(e.type()) + "x");
    if (f == fault::alter_source) e.source(std::string(e.source()) + "x");
    if (f == fault::alter_schema && !e.data_schema().empty()) e.data_schema("x");
    if (f == fault::lose_parameters && e.has_data())
        e.data(std::string(e.text()), e.content_type().substr(0, e.content_type().find(';')));
}

event_ptr bent(fault f, const event_ptr& e) {
    auto copy = copy_of(e);
    bend_data(f, copy);
    bend_attributes(f, copy);
    auto info = e->info();
    // The hop it cannot forget, or two bridged buses would never come to an end.
    if (f == fault::forget_origin) {
        info.hops += info.bus != 0 ? 1 : 0;
        info.origin = info.bus = 0;
    }
    error_code ec;
    std::string topic(e->topic());
    if (f == fault::alter_topic) topic += ".x";
    return publication::make(topic, std::move(copy), std::move(info), ec);
}

class faulty final : public subscriber {
 public:
    faulty(fault f, std::shared_ptr<subscriber> inner, const world& w)
        : fault_(f),
          inner_(std::move(inner)),
          world_(w) {}

    outcome deliver(const event_ptr& e) noexcept override {
        auto result = outcome::delivered;
        for (const auto& x : pass(e)) result = inner_->deliver(x);
        return told(result);
    }
    origin_id origin() const noexcept override {
        return fault_ == fault::forget_origin ? 0 : inner_->origin();
    }
    void on_unsubscribed(error_code why) noexcept override {
        if (fault_ != fault::hide_unsubscribed) inner_->on_unsubscribed(why);
    }

 private:
    net::any_io_executor default_executor() const noexcept override { return world_.executor(); }

    void start_deliver(event_ptr e, deliver_handler handler) override {
        auto all = pass(e);
        if (all.empty()) return std::move(handler)(error_code(), outcome::delivered);
        const auto last = std::move(all.back());
        all.pop_back();
        for (const auto& x : all) inner_->deliver(x);
        inner_->async_deliver(
            last, net::bind_executor(world_.executor(),
                                     [this, keep = shared_from_this(), h = std::move(handler)](
                                         error_code ec, outcome o) mutable {
                                         if (fault_ == fault::lose_completion) return;
                                         if (told(o) != o) ec = {};
                                         std::move(h)(ec, told(o));
                                     }));
    }

    outcome told(outcome o) const noexcept {
        return o == outcome::closed && fault_ == fault::hide_closed ? outcome::delivered : o;
    }

    /// What is handed on when `e` comes.
    std::vector<event_ptr> pass(const event_ptr& e) {
        if (e->topic() == end_topic) return {e};
        ++count_;
        const bool seventh = count_ == 7;
        switch (fault_) {
            case fault::drop:
                return seventh ? std::vector<event_ptr>() : std::vector{e};
            case fault::repeat:
                return seventh ? std::vector{e, e} : std::vector{e};
            case fault::repeat_late:
            case fault::swap:
                return hold(e);
            case fault::keep:
                kept().events.push_back(e);
                return {e};
            case fault::leak_descriptor:
            case fault::leak_memory:
            case fault::leak_timer:
                if (seventh) leak(fault_, world_);
                return {e};
            case fault::none:
            case fault::skip_cuts:
            case fault::skip_close:
            case fault::hide_closed:
            case fault::hide_unsubscribed:
            case fault::lose_completion:
                return {e};
            default:
                return {bent(fault_, e)};
        }
    }

    std::vector<event_ptr> hold(const event_ptr& e) {
        if (count_ == 7) held_ = e;
        if (count_ == 7 && fault_ == fault::swap) return {};
        if (count_ == (fault_ == fault::swap ? 8 : 9))
            return {e, std::exchange(held_, event_ptr())};
        return {e};
    }

    const fault fault_;
    const std::shared_ptr<subscriber> inner_;
    const world& world_;
    std::size_t count_ = 0;
    event_ptr held_;
};

}  // namespace

std::shared_ptr<subscriber> with_fault(fault f, std::shared_ptr<subscriber> inner, const world& w) {
    return std::make_shared<faulty>(f, std::move(inner), w);
}

void release_kept() {
    kept() = leaks();
}

}  // namespace tidings::matrix
