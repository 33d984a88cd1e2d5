// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/end_announcer.hpp>
#include <tidings/rest_hook/impl/hook_list.hpp>
#include <tidings/rest_hook/impl/hook_step.hpp>
#include <tidings/text/impl/json_writer.hpp>
#include <tidings/webhook/impl/target_client.hpp>

#include <algorithm>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

constexpr std::string_view expiring_topic = "tidings.rest_hook.expiring";
/// What is due within this time is announced at once, so that no timer fires twice in it.
constexpr std::chrono::minutes together{1};
constexpr std::chrono::seconds until_marked_again{60};
constexpr std::chrono::seconds after_change{1};  // somebody else's, of the same row
/// Marks without an answer, beyond which no further one is begun.
constexpr std::size_t most_late = 64;
/// Far from where time points end.
constexpr std::chrono::seconds longest_lead = std::chrono::hours(24 * 365 * 100);

std::chrono::seconds lead_within_bounds(std::chrono::seconds lead) {
    return std::clamp(lead, std::chrono::seconds(0), longest_lead);
}

}  // namespace

void note_end(hook_record& h, const http::detail::expiry_time& before, io::system_time now,
              std::chrono::seconds lead) {
    const auto end = h.ends();
    if (end == before) return;
    h.announced = end && *end < now + 2 * lead_within_bounds(lead) ? end : std::nullopt;
}

end_announcer::end_announcer(hook_means means, std::shared_ptr<lane> home)
    : means_(std::move(means)),
      lane_(std::move(home)),
      lead_(lead_within_bounds(means_.options->expiring_lead)) {}

http::detail::expiry_time end_announcer::next(const hook_index& index) const {
    const auto end = index.first_end();
    const std::lock_guard lock(mutex_);
    const auto* const first = first_of(index);
    if (first == nullptr || busy_ || lead_.count() == 0) return end;
    const auto paused = std::chrono::ceil<io::system_time::duration>(
        not_before_ - means_.options->environment.clock->now());
    auto at = first->first - lead_;
    if (paused.count() > 0) at = std::max(at, now() + paused);
    return http::detail::earlier(end, at);
}

const hook_index::ending* end_announcer::first(const hook_index& index) const {
    const std::lock_guard lock(mutex_);
    return first_of(index);
}

// With the mutex held.
const hook_index::ending* end_announcer::first_of(const hook_index& index) const noexcept {
    return late_.size() < most_late ? index.first_unannounced(late_) : nullptr;
}

void end_announcer::look(const std::shared_ptr<hook_list>& hooks, const hook_index::ending& first) {
    const auto at = now();
    if (lead_.count() == 0 || first.first > at + lead_ + together) return;
    {
        const std::lock_guard lock(mutex_);
        if (busy_ || means_.options->environment.clock->now() < not_before_) return;
        busy_ = true;
    }
    if (!finds_memory([&] { mark(hooks, first); })) pause(after_change);
}

void end_announcer::mark(const std::shared_ptr<hook_list>& hooks, const hook_index::ending& which) {
    auto change = [end = which.first](std::uint64_t revision, hook_record& h) -> error_code {
        if (revision == 0 || !h.is_unannounced() || h.expires() != end) return errc::not_found;
        h.announced = end;
        return {};
    };
    auto on_done = [self = shared_from_this(), weak = std::weak_ptr(hooks), id = which.second](
                       error_code ec, const hook_record& h, std::uint64_t) {
        self->on_marked(id, ec, h);
        if (const auto list = weak.lock()) list->on_expiry();
    };
    std::set<std::string> one{which.second};  // no memory is needed to say that it is late
    auto on_late = [self = shared_from_this(), weak = std::weak_ptr(hooks),
                    node = one.extract(one.begin())]() mutable {
        self->on_late(std::move(node));
        if (const auto list = weak.lock()) list->on_expiry();
    };
    const auto step = std::make_shared<hook_step>(lane_, hooks, means_.options->log, which.second,
                                                  std::move(change), std::move(on_done));
    marking_ = step;
    step->start(means_.options->table_timeout, std::move(on_late));
}

void end_announcer::stop() noexcept {
    if (const auto step = marking_.lock()) step->stop_waiting();
}

// The others go on. The mark may be made yet, and is announced then.
void end_announcer::on_late(std::set<std::string>::node_type id) {
    std::string text;
    finds_memory([&] {
        text = "the table does not answer; the end of " + id.value() + " is announced when it does";
    });
    {
        const std::lock_guard lock(mutex_);
        late_.insert(std::move(id));
        busy_ = false;
    }
    if (!text.empty()) finds_memory([&] { means_.log(text, errc::timed_out); });
}

void end_announcer::on_marked(const std::string& id, error_code ec, const hook_record& h) {
    const auto wait = ec == errc::not_found ? after_change : until_marked_again;
    {
        const std::lock_guard lock(mutex_);
        if (late_.erase(id) == 0) busy_ = false;
        if (ec) not_before_ = means_.options->environment.clock->now() + wait;
    }
    if (!ec && !finds_memory([&] { publish(h); })) ec = errc::out_of_memory;
    if (ec && ec != errc::not_found)
        finds_memory([&] { means_.log("the end of a subscription was not announced", ec); });
}

void end_announcer::publish(const hook_record& h) const {
    std::string topics;
    for (const auto& topic : h.topics) {
        std::string quoted;
        append_json_string(quoted, topic);
        append_element(topics, quoted);
    }
    json_writer data;
    data.add("hook", h.id).raw("topics", '[' + topics + ']');
    data.add("target", webhook::detail::origin_of(h.target_url)).add_any("owner", h.owner);
    data.add("expiration_date", to_text(*h.announced));
    event e(expiring_topic, "/tidings/rest_hook", data.end(), "application/json");
    e.subject(h.id);
    error_code ec;
    const auto made = publication::make(expiring_topic, std::move(e), {}, ec);
    if (!ec) ec = means_.bus->publish_own(made).error;
    if (ec) means_.log("the end of a subscription was not announced", ec);
}

void end_announcer::pause(std::chrono::seconds time) {
    const std::lock_guard lock(mutex_);
    busy_ = false;
    not_before_ = means_.options->environment.clock->now() + time;
}

}  // namespace tidings::rest_hook::detail
