// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/manager_state.hpp>
#include <tidings/text/impl/hex.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>

namespace tidings::rest_hook::detail {

namespace {

constexpr std::size_t rows_per_page = 256;
constexpr std::chrono::seconds after_failed_erasure{1};

}  // namespace

manager_state::manager_state(std::shared_ptr<bus_state> b,
                             std::shared_ptr<webhook::detail::sender_state> s,
                             manager_options options)
    : bus_(std::move(b)),
      sender_(std::move(s)),
      options_(std::move(options)),
      table_(options_.table ? options_.table : store::make_memory_table()),
      lane_(lane::make(bus_->executor(), *options_.environment.clock)),
      loaded_(!options_.table),
      backoff_({.initial = std::chrono::seconds(1)}),
      again_([this] { load({}); }),
      erase_again_([this] {
          for (const auto& id : std::exchange(unerased_, {})) erase_later(id);
      }) {}

void manager_state::log(log_level level, std::string_view message, error_code ec) const {
    if (options_.log) options_.log({level, "rest_hook", message, ec});
}

void manager_state::gauge(std::int64_t add) const noexcept {
    if (options_.metrics) options_.metrics->gauge("rest_hooks", {}, add);
}

// Rises with time, so that the order of ids is that of age.
std::string manager_state::make_id(io::system_time now) const {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
    auto time = static_cast<std::uint64_t>(ms.count());
    std::string bytes(14, '\0');
    options_.environment.random->fill(
        std::as_writable_bytes(std::span(bytes.data(), bytes.size())));
    for (std::size_t i = 6; i-- > 0; time >>= 8) bytes[i] = static_cast<char>(time & 0xff);
    return "hook_" + hex_encode(bytes);
}

// What changes while the pages are read is heard of, too: the newer revision counts.
void manager_state::start() {
    const auto weak = weak_from_this();
    watch_ = table_->watch([weak](const store::row_change& r) {
        if (const auto self = weak.lock()) self->apply(r);
    });
    if (!loaded_)
        net::post(lane_->executor(), [weak] {
            if (const auto self = weak.lock()) self->load({});
        });
}

void manager_state::load(std::string after) {
    const auto& io = lane_->executor();
    table_->start_scan(
        std::move(after), rows_per_page,
        store::table::scan_handler(
            io, net::bind_executor(
                    io, [weak = weak_from_this()](error_code ec, std::vector<store::row> rows) {
                        if (const auto self = weak.lock()) self->on_page(ec, rows);
                    })));
}

void manager_state::on_page(error_code ec, const std::vector<store::row>& rows) {
    if (ec) {
        log(log_level::error, "loading the subscriptions failed; trying again", ec);
        const std::lock_guard lock(mutex_);
        if (!closed_)
            again_.arm(lane_->timers(), backoff_.next(options_.environment.random->next()));
        return;
    }
    for (const auto& r : rows) {
        {
            const std::lock_guard lock(mutex_);
            if (gone_.count(r.key) != 0) continue;
        }
        apply(r);
    }
    if (rows.size() == rows_per_page) return load(rows.back().key);
    const std::lock_guard lock(mutex_);
    loaded_ = true;
    gone_.clear();
}

void manager_state::apply(const store::row& r, bool even_if_new) {
    if (r.revision == 0) return drop(r.key);
    auto record = read_row(r);
    if (!record) return log(log_level::error, "a row of the table is no subscription");
    hook replaced;  // ends outside the mutex
    const std::lock_guard lock(mutex_);
    if (closed_ || (!even_if_new && hooks_.count(r.key) == 0)) return;
    auto& h = hooks_[r.key];
    if (h.revision >= r.revision) return;
    if (h.revision == 0) gauge(1);
    replaced = std::exchange(h, hook{std::move(*record), r.revision});
    begin(h);
}

void manager_state::begin(hook& h) {
    webhook::endpoint_options o;
    o.url = h.record.target_url;
    o.secret = h.record.secret;
    o.id = h.record.id;
    o.form = options_.form;
    o.origin = options_.origin;
    o.fields.set("X-Hook-Subscription", h.record.id);
    o.on_gone = [weak = weak_from_this(), id = h.record.id] {
        if (const auto self = weak.lock()) self->erase_later(id);
    };
    h.endpoint = sender_->add(std::move(o), h.error);
    if (!h.error) {
        h.on_bus = bus_->subscribe(h.record.event, h.endpoint, {});
        h.error = h.on_bus.error();
    }
    if (h.error) log(log_level::error, "a subscription cannot be served", h.error);
}

void manager_state::drop(const std::string& id) {
    hook_map::node_type dropped;
    {
        const std::lock_guard lock(mutex_);
        if (!loaded_) gone_.insert(id);
        dropped = hooks_.extract(id);
    }
    if (dropped.empty()) return;
    auto& h = dropped.mapped();
    if (h.revision != 0) gauge(-1);
    h.on_bus.reset();
    if (h.endpoint) h.endpoint->close();
}

// The target wants nothing more, or never got anything. A row that stayed would be served again
// after a restart.
void manager_state::erase_later(const std::string& id) {
    const auto& io = lane_->executor();
    table_->start_erase(
        id, 0,
        store::table::erase_handler(
            io, net::bind_executor(io, [weak = weak_from_this(), id](error_code ec) {
                if (const auto self = weak.lock()) self->on_erased(ec, id);
            })));
}

void manager_state::on_erased(error_code ec, const std::string& id) {
    if (!ec || ec == errc::not_found) return drop(id);
    log(log_level::error, "a subscription could not be erased; trying again", ec);
    unerased_.push_back(id);
    const std::lock_guard lock(mutex_);
    if (!closed_) erase_again_.arm(lane_->timers(), after_failed_erasure);
}

void manager_state::close() noexcept {
    hook_map ended;
    store::watch_handle watch;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        ended.swap(hooks_);
        watch.swap(watch_);
    }
    for (auto& [id, h] : ended) {
        if (h.revision != 0) gauge(-1);
        h.on_bus.reset();
        // What was taken over before is still delivered.
        if (h.endpoint) sender_->linger(std::move(h.endpoint));
    }
    net::post(lane_->executor(), [self = shared_from_this()] {
        self->again_.cancel();
        self->erase_again_.cancel();
    });
}

}  // namespace tidings::rest_hook::detail
