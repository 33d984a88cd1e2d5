// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>
#include <tidings/io/clock.hpp>

#include <memory>

namespace tidings::detail {

/// Makes the publications of one bus, whose topics were checked. Thread-safe.
class publication_maker {
 public:
    publication_maker(io::clock& clock, std::size_t max_form_bytes)
        : clock_(clock),
          forms_(&form_budget::borrow(max_form_bytes)) {}

    /// The bus, as an inlet of others.
    origin_id id() const noexcept { return id_; }
    io::clock& clock() const noexcept { return clock_; }
    const form_budget& forms() const noexcept { return *forms_; }

    // Content without a time gets the present one. Null with an error. @error what
    // `publication::make` reports
    TIDINGS_DECL event_ptr make(std::string_view topic, event&& e, error_code& ec) const noexcept;
    /// It shares the content.
    TIDINGS_DECL event_ptr make(std::string_view topic, const event_ptr& content,
                                publication_info info, error_code& ec) const noexcept;

    /// Makes what an inlet made a publication of this bus. False where it, or its content, is
    /// shared: nothing has changed then.
    TIDINGS_DECL bool adopt(const event_ptr& e) const noexcept;

    // Of a publication that nobody else knows yet.
    static void mark_prepared(const event_ptr& e, std::uint64_t route) noexcept {
        const_cast<publication&>(*e).prepared_for_ = route;
    }
    static void set_number(const event_ptr& e, std::uint64_t number) noexcept {
        const_cast<publication&>(*e).info_.number = number;
    }

 private:
    struct giver {
        void operator()(form_budget* b) const noexcept { b->give_back(); }
    };
    io::clock& clock_;
    const origin_id id_ = make_origin();
    const std::unique_ptr<form_budget, giver> forms_;
};

}  // namespace tidings::detail
