// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/text/impl/ascii.hpp>
#include <tidings/webhook/impl/sender_state.hpp>

#include <algorithm>
#include <array>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

constexpr std::string_view redacted = "***";
constexpr std::size_t shortest_secret = 8;  // what is shorter stands in any text

void replace_all(std::string& text, std::string_view what) {
    if (what.size() < shortest_secret) return;
    for (auto at = text.find(what); at != text.npos; at = text.find(what, at + redacted.size()))
        text.replace(at, what.size(), redacted);
}

// What an answer repeats of the request must not come to light in the log.
std::string without_secrets(std::string text, const endpoint_target& t) {
    const auto& o = t.terms();
    const auto hide = [&](std::string_view secret) {
        replace_all(text, secret);
        if (const auto at = secret.find('_'); at != secret.npos)
            replace_all(text, secret.substr(at + 1));
    };
    hide(o.secret);
    for (const auto& secret : o.secrets) hide(secret);
    for (const auto& [name, value] : o.fields) replace_all(text, value);
    replace_all(text, o.password);
    const std::string_view authorization = t.authorization();
    replace_all(text, authorization.substr(authorization.find(' ') + 1));
    return text;
}

bool holds_credentials(std::string_view field) noexcept {
    constexpr std::array<std::string_view, 5> names{"set-cookie", "authorization",
                                                    "proxy-authorization", "cookie", "x-api-key"};
    return std::any_of(names.begin(), names.end(),
                       [&](auto name) { return equal_ignoring_case(field, name); });
}

std::string head_of(const http::response& r, const endpoint_target& t, std::size_t max) {
    std::string head;
    for (const auto& [name, value] : r.fields) {
        if (head.size() >= max) break;
        head.append(name).append(": ");
        head.append(holds_credentials(name) ? redacted : std::string_view(value)).append("\r\n");
    }
    head = without_secrets(std::move(head), t);
    if (head.size() > max) head.resize(max);
    return head;
}

}  // namespace

// The secrets are looked for a little behind what is kept, so that none is cut in two.
void sender_state::log_attempt(const asked& q, const ended_attempt& a, error_code ec,
                               const http::response& r) {
    constexpr std::size_t longest_secret = 1024;
    const auto& kept = options_.attempts;
    if (a.result == verdict::success && !kept.successes) return;
    store::outbox_attempt row;
    row.entry = q.entry->key;
    row.number = a.number;
    row.at = a.end.at;
    using timed = http::detail::exchange_trace::phase;
    row.timings = {.resolve = q.trace->took(timed::resolve),
                   .connect = q.trace->took(timed::connect),
                   .tls = q.trace->took(timed::tls),
                   .write = q.trace->took(timed::write),
                   .first_byte = q.trace->took(timed::first_byte)};
    row.address = q.trace->address;
    row.timings.total = a.end.took;
    row.status = a.status;
    row.error = a.error;
    row.cause = cause_of(ec, *q.trace, guard_);
    if (!a.phase.empty()) row.cause.append(" (").append(a.phase).append(")");
    row.response_head = head_of(r, *q.of, kept.max_head_bytes);
    row.response_body =
        without_secrets(r.body.substr(0, kept.max_body_bytes + longest_secret), *q.of);
    if (row.response_body.size() > kept.max_body_bytes)
        row.response_body.resize(kept.max_body_bytes);
    // Of a batch a row for each event, and the answer with the first.
    attempts_.push_back(row);
    row.response_head.clear();
    row.response_body.clear();
    for (std::size_t i = 1; i < q.what->size(); ++i) {
        row.entry = q.what->at(i).key;
        attempts_.push_back(row);
    }
}

std::string sender_state::new_suffix() const {
    return '_' + std::to_string(options_.environment.random->next());
}

/// A redelivery of many, page by page.
struct sender_state::redelivery {
    store::outbox_redelivery asked;
    store::outbox_redelivered all;
    redeliver_handler done;
    std::shared_ptr<const bool> under_way = std::make_shared<const bool>(true);
};

void sender_state::redeliver(store::outbox_selection of, bool as_new, redeliver_handler h) {
    auto r = std::make_shared<redelivery>();
    of.max_entries = store::outbox_selection().max_entries;
    r->asked.of = std::move(of);
    if (as_new) r->asked.id_suffix = new_suffix();
    r->done = std::move(h);
    lane_->post([self = shared_from_this(), r] {
        if (!self->running()) return std::move(r->done)(make_error_code(errc::closed), r->all);
        std::erase_if(self->redeliveries_, [](const auto& w) { return w.expired(); });
        self->redeliveries_.push_back(r->under_way);
        self->redeliver_more(r);
    });
}

void sender_state::redeliver_more(const std::shared_ptr<redelivery>& r) {
    r->asked.now = now();
    auto on_done = store_handler<store::outbox_redelivered>(
        [this, r](error_code ec, const store::outbox_redelivered& page) {
            r->all.count += page.count;
            r->all.last_key = std::max(r->all.last_key, page.last_key);
            r->all.at_end = page.at_end;
            r->all.full = page.full;
            r->asked.of.after_key = page.last_key;
            const bool more = !ec && !page.at_end && !page.full;
            if (more && running()) return redeliver_more(r);
            if (more) ec = errc::closed;
            r->under_way.reset();
            if (page.full) ec = errc::outbox_full;
            outcomes_->look_again();
            std::move(r->done)(ec, r->all);
            claim();
            end_round_and_report();
        });
    ask_store([&] { outbox_->start_redeliver(r->asked, std::move(on_done)); });
}

// What is put back, or was cut off, comes to the outbox behind the erasure, where it is no more.
void sender_state::erase(std::string owner, store::outbox::done_handler h) {
    lane_->post([self = shared_from_this(), owner = std::move(owner), h = std::move(h)]() mutable {
        if (!self->running()) return std::move(h)(make_error_code(errc::closed));
        auto on_done =
            self->store_handler([s = self.get(), h = std::move(h)](error_code ec) mutable {
                s->outcomes_->look_again();
                std::move(h)(ec);
                s->claim();
                s->end_round_and_report();
            });
        self->ask_store([&] { self->outbox_->start_erase(owner, std::move(on_done)); });
        for (auto& [id, l] : self->lines_)
            if (const auto t = self->endpoints_.find(id); t && t->terms().owner == owner)
                self->put_back_all(id, l);
        finds_memory([&] { self->traces_.cut(owner); });
        self->end_round_and_report();
    });
}

void sender_state::resend(std::uint64_t attempt, bool as_new, store::outbox::done_handler h) {
    using page = std::vector<store::outbox_attempt>;
    lane_->post([self = shared_from_this(), attempt, suffix = as_new ? new_suffix() : "",
                 h = std::move(h)]() mutable {
        if (!self->running()) return std::move(h)(make_error_code(errc::closed));
        auto on_done = self->store_handler<page>(
            [s = self.get(), attempt, suffix, h = std::move(h)](error_code ec, page found) mutable {
                if (!found.empty() && found.front().key != attempt) found.clear();
                s->on_attempt_found(ec, found, suffix, std::move(h));
            });
        self->ask_store([&] {
            self->outbox_->start_list_attempts("", attempt == 0 ? 0 : attempt - 1, 1,
                                               std::move(on_done));
        });
    });
}

void sender_state::on_attempt_found(error_code ec, const std::vector<store::outbox_attempt>& found,
                                    const std::string& suffix, store::outbox::done_handler h) {
    if (!ec && found.empty()) ec = errc::not_found;
    if (ec) return std::move(h)(ec);
    const auto& a = found.front();
    store::outbox_entry entry{.endpoint = a.endpoint, .message_id = a.message_id};
    entry.webhook_id = (a.webhook_id.empty() ? a.message_id : a.webhook_id) + suffix;
    if (suffix.empty()) entry.webhook_id = a.webhook_id;
    entry.message = a.message;
    entry.due = now();
    append(std::move(entry), nullptr, {},
           [h = std::move(h)](error_code end) mutable { std::move(h)(end); });
}

}  // namespace tidings::webhook::detail
