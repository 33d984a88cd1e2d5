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

std::atomic<std::size_t> live_publications{0};

// The blocks themselves, what is allocated beside them, an id and a time that are made later.
constexpr std::size_t footprint_constant = 256;

std::size_t footprint_of(std::string_view topic, const event& e) noexcept {
    auto bytes = footprint_constant + topic.size();
    for (const auto* text : {&e.id(), &e.type(), &e.source(), &e.subject(), &e.data_schema(),
                             &e.content_type(), &e.text()})
        bytes += text->size();
    for (const auto& [name, value] : e.extensions()) {
        bytes += sizeof(std::pair<std::string, attribute_value>) + name.size();
        if (const auto* text = std::get_if<std::string>(&value)) bytes += text->size();
    }
    return bytes;
}

std::size_t footprint_of(const publication_info& info) noexcept {
    return info.remote ? sizeof(remote_origin) + info.remote->position.text().size() : 0;
}

// A control event's topic is its type, and nothing else has either.
error_code check_control(std::string_view topic, std::string_view type) noexcept {
    if (topic == type) return {};
    if (is_control(topic)) return errc::reserved_topic;
    return is_control(type) ? error_code(errc::event_reserved_type) : error_code();
}

constexpr char id_form = 0;
constexpr char time_form = 0;
constexpr char value_form = 0;

// Holds the event itself: one allocation for the block and its content.
class owning_publication final : public publication {
 public:
    owning_publication(std::string_view topic, publication_info&& info, tidings::event&& e)
        : publication(topic, std::move(info)),
          own_(std::move(e)) {
        event_ = &own_;
        content_forms_ = &own_forms_;
        footprint_ = footprint_of(topic, own_) + footprint_of(this->info());
    }

 private:
    tidings::event own_;
    wire_forms own_forms_;
};

// Shares the content of another block and keeps that block alive.
class sharing_publication final : public publication {
 public:
    sharing_publication(std::string_view topic, publication_info&& info, const event_ptr& content)
        : publication(topic, std::move(info)) {
        event_ = &content->event();
        content_forms_ = &content->content_forms();
        owner_ = owner_of(content);
        footprint_ = content->footprint() - content->topic().size() + topic.size();
    }
};

}  // namespace
}  // namespace detail

publication::publication(std::string_view topic, publication_info&& info)
    : info_(std::move(info)),
      topic_(topic) {
    detail::live_publications.fetch_add(1, std::memory_order_relaxed);
}

publication::~publication() {
    detail::live_publications.fetch_sub(1, std::memory_order_relaxed);
}

origin_id make_origin() noexcept {
    static std::atomic<origin_id> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

std::size_t publication::live() noexcept {
    return detail::live_publications.load(std::memory_order_relaxed);
}

event_ptr publication::make(std::string_view topic, tidings::event&& e, publication_info info,
                            error_code& ec) noexcept {
    ec = check_topic_syntax(topic);
    return ec ? event_ptr() : freeze(topic, std::move(e), std::move(info), ec);
}

event_ptr publication::make(std::string_view topic, const event_ptr& content, publication_info info,
                            error_code& ec) noexcept {
    ec = check_topic_syntax(topic);
    return ec ? event_ptr() : freeze(topic, content, std::move(info), ec);
}

event_ptr publication::freeze(std::string_view topic, tidings::event&& e, publication_info info,
                              error_code& ec) noexcept {
    ec = e.check();
    if (!ec) ec = detail::check_control(topic, e.type());
    if (ec) return {};
    try {
        return event_ptr(new detail::owning_publication(topic, std::move(info), std::move(e)));
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return {};
    }
}

event_ptr publication::freeze(std::string_view topic, const event_ptr& content,
                              publication_info info, error_code& ec) noexcept {
    ec = detail::check_control(topic, content->type());
    if (ec) return {};
    try {
        return event_ptr(new detail::sharing_publication(topic, std::move(info), content));
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return {};
    }
}

const std::string& publication::id() const {
    if (!event_->id().empty()) return event_->id();
    if (const auto* made = content_forms_->find(&detail::id_form)) return *made;
    return content_forms_->store(&detail::id_form, detail::unique_id());
}

const std::string& publication::time() const {
    static const std::string none;
    if (const auto* made = content_forms_->find(&detail::time_form)) return *made;
    if (!event_->time()) return none;
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

const std::string* publication::data_bytes(error_code& ec) const noexcept {
    ec = {};
    const auto& value = event_->native();
    if (!value) return &event_->text();
    if (const auto* made = content_forms_->find(&detail::value_form)) return made;
    try {
        std::string bytes;
        ec = value->encode(bytes);
        return ec ? nullptr : &content_forms_->store(&detail::value_form, std::move(bytes));
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return nullptr;
    }
}

std::string_view publication::text() const noexcept {
    error_code ec;
    const auto* bytes = data_bytes(ec);
    return bytes != nullptr ? std::string_view(*bytes) : std::string_view();
}

}  // namespace tidings
