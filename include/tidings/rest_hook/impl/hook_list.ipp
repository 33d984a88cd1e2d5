// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/lane/impl/lane_handler.hpp>
#include <tidings/rest_hook/impl/hook_list.hpp>
#include <tidings/store/memory_table.hpp>
#include <tidings/text/impl/timestamp.hpp>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

constexpr std::size_t rows_per_page = 256;
constexpr std::chrono::seconds after_failed_erasure{1};

}  // namespace

hook_list::hook_list(std::shared_ptr<bus_state> b, std::shared_ptr<webhook::detail::sender_state> s,
                     std::shared_ptr<const manager_options> options)
    : bus_(std::move(b)),
      sender_(std::move(s)),
      options_(std::move(options)),
      table_(options_->table ? options_->table : store::make_memory_table()),
      lane_(lane::make(bus_->executor(), *options_->environment.clock)),
      phase_(options_->table ? phase::loading : phase::ready),
      backoff_({.initial = std::chrono::seconds(1)}),
      again_([this] { load({}); }),
      erase_again_([this] {
          for (const auto& id : std::exchange(unerased_, {})) erase_later(id);
      }),
      expiry_([this] { on_expiry(); }) {}

void hook_list::log(std::string_view message, error_code ec) const {
    if (options_->log) options_->log({log_level::error, "rest_hook", message, ec});
}

void hook_list::gauge(std::int64_t add) const noexcept {
    if (options_->metrics) options_->metrics->gauge("rest_hooks", {}, add);
}

hook_list::phase hook_list::now() const {
    const std::lock_guard lock(mutex_);
    return phase_;
}

hook_list::reservation hook_list::reserve(const hook_record& h) {
    using result = reservation::result;
    const std::lock_guard lock(mutex_);
    std::size_t own = 0;
    for (const auto& [id, other] : hooks_) {
        if (other.record.owner != h.owner) continue;
        ++own;
        if (other.record.event == h.event && other.record.target_url == h.target_url)
            return {result::same_exists, id};
    }
    if (hooks_.size() >= options_->max_hooks) return {result::list_full};
    if (own >= options_->max_hooks_per_principal) return {result::owner_full};
    hooks_[h.id].record = h;
    return {};
}

error_code hook_list::serve(const hook_record& h, std::uint64_t revision) {
    // A watch may have told of the row already, and of its end.
    apply({h.id, to_row_value(h), revision}, false);
    const std::lock_guard lock(mutex_);
    const auto it = hooks_.find(h.id);
    return it == hooks_.end() ? error_code() : it->second.error;
}

const hook_list::hook* hook_list::find(const std::string& owner, const std::string& id) const {
    const auto it = hooks_.find(id);
    const bool known =
        it != hooks_.end() && it->second.revision != 0 && it->second.record.owner == owner;
    return known ? &it->second : nullptr;
}

bool hook_list::holds(const std::string& owner, const std::string& id) const {
    const std::lock_guard lock(mutex_);
    return find(owner, id) != nullptr;
}

std::optional<std::string> hook_list::show(const std::string& owner, const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto* h = find(owner, id);
    if (h == nullptr) return std::nullopt;
    return to_json(h->record, h->active(), false);
}

hook_list::page hook_list::list(const std::string& owner, const std::string& after,
                                std::size_t max) const {
    page out;
    std::size_t count = 0;
    const std::lock_guard lock(mutex_);
    for (auto it = hooks_.upper_bound(after); it != hooks_.end(); ++it) {
        const auto& [id, h] = *it;
        if (h.revision == 0 || h.record.owner != owner) continue;
        out.more = count == max;
        if (out.more) break;
        if (count++ != 0) out.items += ',';
        out.items += to_json(h.record, h.active(), false);
        out.last = id;
    }
    return out;
}

// Changes that are made while the pages are read arrive by the watch: the newer revision counts.
void hook_list::start() {
    const auto weak = weak_from_this();
    watch_ = table_->watch([weak](const store::row_change& r) {
        if (const auto self = weak.lock()) self->apply(r);
    });
    if (now() == phase::loading)
        lane_->post([weak] {
            if (const auto self = weak.lock()) self->load({});
        });
}

void hook_list::load(std::string after) {
    const bool found = finds_memory([&] {
        using row_list = std::vector<store::row>;
        auto on_done =
            lane_handler<row_list>(lane_, errc::store_failed,
                                   [weak = weak_from_this()](error_code ec, const row_list& rows) {
                                       if (const auto self = weak.lock()) self->on_page(ec, rows);
                                   });
        guarded(options_->log, "rest_hook",
                [&] { table_->start_scan(std::move(after), rows_per_page, std::move(on_done)); });
    });
    if (!found) load_later(errc::out_of_memory);
}

void hook_list::on_page(error_code ec, const std::vector<store::row>& rows) {
    if (!ec && !finds_memory([&] { take_page(rows); })) ec = errc::out_of_memory;
    if (ec) load_later(ec);
}

// From the beginning: what is known already is not read again.
void hook_list::load_later(error_code ec) noexcept {
    if (now() == phase::closed) return;
    finds_memory([&] { log("loading the subscriptions failed; trying again", ec); });
    const std::lock_guard lock(mutex_);
    if (phase_ != phase::closed)
        again_.arm(lane_->timers(), backoff_.next(options_->environment.random->next()));
}

void hook_list::take_page(const std::vector<store::row>& rows) {
    for (const auto& r : rows) {
        {
            const std::lock_guard lock(mutex_);
            if (gone_.contains(r.key)) continue;
        }
        apply(r);
    }
    if (rows.size() == rows_per_page) return load(rows.back().key);
    const std::lock_guard lock(mutex_);
    if (phase_ == phase::loading) phase_ = phase::ready;
    gone_.clear();
}

void hook_list::apply(const store::row& r, bool even_if_new) {
    if (r.revision == 0) return drop(r.key);
    auto record = read_row(r);
    if (!record) return log("a row of the table is no subscription");
    hook replaced;  // ends outside the mutex
    error_code failure;
    {
        const std::lock_guard lock(mutex_);
        if (phase_ == phase::closed || (!even_if_new && !hooks_.contains(r.key))) return;
        auto& h = hooks_[r.key];
        if (h.revision >= r.revision) return;
        replaced = std::exchange(h, hook{std::move(*record), r.revision});
        begin(h);
        note_expiry(h);
        failure = h.error;
    }
    // Either sink may call back into the list.
    if (replaced.revision == 0) gauge(1);
    if (failure) log("a subscription cannot be served", failure);
}

void hook_list::begin(hook& h) {
    const auto& clock = *options_->environment.clock;
    if (!h.record.expires_at.empty()) h.expires = parse_timestamp(h.record.expires_at, h.error);
    if (http::detail::has_expired(h.expires, clock)) h.error = errc::forbidden;
    if (h.error) return;
    webhook::endpoint_options o;
    o.url = h.record.target_url;
    o.secret = h.record.secret;
    o.id = h.record.id;
    o.id_scope = h.record.id;
    o.replace = true;  // the row has changed
    o.form = options_->form;
    o.origin = options_->origin;
    o.fields.set("X-Hook-Subscription", h.record.id);
    o.on_gone = [weak = weak_from_this(), id = h.record.id] {
        if (const auto self = weak.lock()) self->erase_later(id);
    };
    h.endpoint = sender_->add(std::move(o), h.error);
    if (!h.error) {
        h.on_bus = bus_->subscribe(
            h.record.event, std::make_shared<webhook::detail::endpoint_subscriber>(h.endpoint), {});
        h.error = h.on_bus.error();
    }
}

// With the mutex held.
void hook_list::note_expiry(const hook& h) {
    const auto first = http::detail::earlier(first_expiry_, h.expires);
    if (first == first_expiry_) return;
    first_expiry_ = first;
    lane_->post([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->watch_expiry();
    });
}

void hook_list::watch_expiry() {
    const std::lock_guard lock(mutex_);
    if (phase_ != phase::closed) http::detail::arm_expiry(expiry_, lane_->timers(), first_expiry_);
}

// Nothing is delivered from here on, whether the row can be erased now or later.
void hook_list::on_expiry() {
    std::vector<std::string> over;
    {
        const std::lock_guard lock(mutex_);
        first_expiry_.reset();
        for (const auto& [id, h] : hooks_) {
            if (http::detail::has_expired(h.expires, lane_->timers().clock()))
                over.push_back(id);
            else
                first_expiry_ = http::detail::earlier(first_expiry_, h.expires);
        }
    }
    for (const auto& id : over) {
        drop(id);
        erase_later(id);
    }
    watch_expiry();
}

void hook_list::drop(const std::string& id) {
    hook_map::node_type dropped;
    {
        const std::lock_guard lock(mutex_);
        if (phase_ == phase::loading) gone_.insert(id);
        dropped = hooks_.extract(id);
    }
    if (dropped.empty()) return;
    auto& h = dropped.mapped();
    if (h.revision != 0) gauge(-1);
    // In this order: what a hook has missed then is not for a later one of its id.
    if (h.endpoint) h.endpoint->close();
    h.on_bus.reset();
}

// The target wants nothing more, or never got anything. A row that stayed would be served again
// after a restart.
void hook_list::erase_later(const std::string& id) {
    auto on_done =
        lane_handler<>(lane_, errc::store_failed, [weak = weak_from_this(), id](error_code ec) {
            if (const auto self = weak.lock()) self->on_erased(ec, id);
        });
    guarded(options_->log, "rest_hook", [&] { table_->start_erase(id, 0, std::move(on_done)); });
}

void hook_list::on_erased(error_code ec, const std::string& id) {
    if (!ec || ec == errc::not_found) return drop(id);
    if (now() == phase::closed) return;
    log("a subscription could not be erased; trying again", ec);
    unerased_.push_back(id);
    const std::lock_guard lock(mutex_);
    if (phase_ != phase::closed) erase_again_.arm(lane_->timers(), after_failed_erasure);
}

void hook_list::close() noexcept {
    hook_map ended;
    store::watch_handle watch;
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(phase_, phase::closed) == phase::closed) return;
        ended.swap(hooks_);
        watch.swap(watch_);
    }
    // What their endpoints took before is still delivered.
    for (auto& [id, h] : ended) {
        if (h.revision != 0) gauge(-1);
        h.on_bus.reset();
    }
    closing_.whose = shared_from_this();
    lane_->post(closing_);
}

void hook_list::cancel_timers() noexcept {
    again_.cancel();
    erase_again_.cancel();
    expiry_.cancel();
}

}  // namespace tidings::rest_hook::detail
