// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>
#include <tidings/event_ptr.hpp>
#include <tidings/io/clock.hpp>
#include <tidings/io/impl/unique_id.hpp>
#include <tidings/text/impl/timestamp.hpp>
#include <tidings/topic.hpp>

#include <new>

namespace tidings {

namespace detail {
namespace {

/// Publications that a thread has made, less those that it has destroyed: on a cache line of its
/// own, so that threads of different buses do not wait for each other.
struct alignas(64) live_count {
    std::atomic<std::int64_t> count{0};
    std::atomic<bool> taken{false};
};
constexpr std::size_t own_counts = 64;
constinit live_count live_counts[own_counts + 1];  // the last for threads that have none
constinit thread_local live_count* live_here = nullptr;

/// Takes a count for this thread until its end. False where none is free, or the thread ends.
bool take_live_count() noexcept {
    struct owner {
        ~owner() {
            live_here = nullptr;
            if (taken != nullptr) taken->taken.store(false, std::memory_order_release);
            tried = true;
        }
        live_count* taken = nullptr;
        bool tried = false;
    };
    thread_local owner this_thread;
    if (std::exchange(this_thread.tried, true)) return false;
    for (std::size_t i = 0; i < own_counts && live_here == nullptr; ++i)
        if (!live_counts[i].taken.exchange(true, std::memory_order_acquire))
            live_here = this_thread.taken = &live_counts[i];
    return live_here != nullptr;
}

void count_live(std::int64_t more) noexcept {
    if (live_here != nullptr || take_live_count())
        live_here->count.store(live_here->count.load(std::memory_order_relaxed) + more,
                               std::memory_order_relaxed);
    else
        live_counts[own_counts].count.fetch_add(more, std::memory_order_relaxed);
}

// The blocks themselves, what is allocated beside them, an id and a time that are made later.
constexpr std::size_t footprint_constant = 256;

std::size_t footprint_of(const publication_info& info) noexcept {
    return info.remote ? sizeof(remote_origin) + info.remote->position.text().size() : 0;
}

// A control event's topic is its type, and nothing else has either.
errc find_control_problem(std::string_view topic, std::string_view type) noexcept {
    if (is_control(topic)) return topic == type ? errc() : errc::reserved_topic;
    return is_control(type) ? errc::event_reserved_type : errc();
}

constexpr char id_form = 0;
constexpr char time_form = 0;
constexpr char data_form = 0;

// Holds the event itself: one allocation for the block and its content.
class owning_publication final : public publication {
 public:
    owning_publication(std::string_view topic, tidings::event&& e) noexcept
        : publication(this + 1, topic),
          own_(std::move(e)) {
        event_ = &own_;
        content_forms_ = &own_forms_;
        footprint_ = footprint_constant + topic.size() + own_.size();
    }

 private:
    tidings::event own_;
    wire_forms own_forms_;
};

// Shares the content of another block and keeps that block alive.
class sharing_publication final : public publication {
 public:
    sharing_publication(std::string_view topic, const event_ptr& content) noexcept
        : publication(this + 1, topic) {
        event_ = &content->event();
        content_forms_ = &content->content_forms();
        owner_ = owner_of(content);
        footprint_ = content->footprint() - content->topic().size() + topic.size();
    }
};

}  // namespace
}  // namespace detail

publication::publication(void* room, std::string_view topic) noexcept
    : topic_(static_cast<const char*>(room), topic.size()) {
    detail::copy_text(static_cast<char*>(room), topic.data(), topic.size());
    detail::count_live(1);
}

publication::~publication() {
    detail::count_live(-1);
}

origin_id make_origin() noexcept {
    static std::atomic<origin_id> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

std::size_t publication::live() noexcept {
    std::int64_t count = 0;
    for (const auto& c : detail::live_counts) count += c.count.load(std::memory_order_relaxed);
    return static_cast<std::size_t>(count);
}

event_ptr publication::make(std::string_view topic, tidings::event&& e, publication_info info,
                            error_code& ec) noexcept {
    ec = check_topic_syntax(topic);
    if (ec) return {};
    auto made = freeze(topic, std::move(e), ec);
    if (!made) return made;
    auto& p = const_cast<publication&>(*made);
    p.info_ = std::move(info);
    p.footprint_ += detail::footprint_of(p.info_);
    return made;
}

event_ptr publication::make(std::string_view topic, const event_ptr& content, publication_info info,
                            error_code& ec) noexcept {
    ec = check_topic_syntax(topic);
    return ec ? event_ptr() : freeze(topic, content, std::move(info), ec);
}

event_ptr publication::freeze(std::string_view topic, tidings::event&& e, error_code& ec) noexcept {
    auto problem = e.find_problem();
    if (problem == errc()) problem = detail::find_control_problem(topic, e.type());
    if (problem != errc()) {
        ec = problem;
        return {};
    }
    try {
        return event_ptr(new (topic_room{topic.size()})
                             detail::owning_publication(topic, std::move(e)));
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return {};
    }
}

event_ptr publication::freeze(std::string_view topic, const event_ptr& content,
                              publication_info&& info, error_code& ec) noexcept {
    const auto problem = detail::find_control_problem(topic, content->type());
    if (problem != errc()) {
        ec = problem;
        return {};
    }
    try {
        auto* p = new (topic_room{topic.size()}) detail::sharing_publication(topic, content);
        static_cast<publication*>(p)->info_ = std::move(info);
        return event_ptr(p);
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return {};
    }
}

std::string_view publication::id() const {
    if (!event_->id().empty()) return event_->id();
    if (const auto* made = content_forms_->find(&detail::id_form)) return *made;
    return content_forms_->store(&detail::id_form, detail::unique_id());
}

std::string_view publication::time() const {
    if (const auto* made = content_forms_->find(&detail::time_form)) return *made;
    if (!event_->time()) return {};
    return content_forms_->store(&detail::time_form, detail::format_timestamp(*event_->time()));
}

error_code publication::stamp(io::clock& clock) const noexcept {
    if (event_->time() || content_forms_->find(&detail::time_form) != nullptr) return {};
    const auto now = std::chrono::floor<std::chrono::microseconds>(clock.wall_now());
    try {
        content_forms_->store(&detail::time_form, detail::format_timestamp(now));
    } catch (const std::bad_alloc&) {
        return errc::out_of_memory;
    }
    return {};
}

std::string_view publication::text(error_code& ec) const noexcept {
    ec = {};
    if (!event_->native()) return event_->text();
    const auto* bytes = data_bytes(ec);
    return bytes != nullptr ? std::string_view(*bytes) : std::string_view();
}

std::string_view publication::text() const noexcept {
    error_code ec;
    return text(ec);
}

const std::string* publication::data_bytes(error_code& ec) const noexcept {
    ec = {};
    const auto& value = event_->native();
    if (const auto* own = event_->own_text(); own != nullptr && !value) return own;
    if (const auto* made = content_forms_->find(&detail::data_form)) return made;
    try {
        std::string bytes(event_->text());
        if (value) ec = value->encode(bytes);
        return ec ? nullptr : &content_forms_->store(&detail::data_form, std::move(bytes));
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return nullptr;
    }
}

}  // namespace tidings
