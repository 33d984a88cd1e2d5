// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>
#include <tidings/event_ptr.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tidings {

inline constexpr std::size_t max_filter_bytes = 8192;  ///< of its JSON text, as read and as written
inline constexpr std::size_t max_filter_nodes = 64;    ///< expressions, and attributes compared
inline constexpr std::size_t max_filter_depth = 8;     ///< expressions one inside another
inline constexpr std::size_t max_filter_path = 16;     ///< members of data one inside another
/// Members of an event's data that filters look at. Of data with more none compares equal.
inline constexpr std::size_t max_filter_data_members = 1024;

namespace detail {
class filter_node;
TIDINGS_DECL void intrusive_ptr_add_ref(const filter_node* n) noexcept;
TIDINGS_DECL void intrusive_ptr_release(const filter_node* n) noexcept;
}  // namespace detail

/// Which events are wanted, by their CloudEvents attributes: an expression of the dialects `exact`,
/// `prefix`, `suffix`, `all`, `any` and `not` (CloudEvents Subscriptions API, 3.2.4.1.1). One that
/// holds no expression lets every event through.
///
/// Attributes are named as on a wire: `id`, `source`, `type`, `subject`, `time`, `dataschema`,
/// `datacontenttype`, `specversion`, extensions, and `topic`, the topic that the event was
/// published to. Values are compared byte by byte, case matters; Booleans and Integers as the text
/// that CloudEvents writes for them (`true`, `-7`). An attribute that is absent does not compare
/// equal to anything, so that `not` of such a comparison is true.
///
/// `data.a.b` is the member `b` of the member `a` of data that is JSON (by its `datacontenttype`;
/// of a C++ value as it is serialised). A string compares by its text, a number by its digits as
/// they stand in the data (`1.50` is not `1.5`), `true` and `false` as such. An object, an array,
/// null, a member within an array and one with a dot in its name compare like what is absent, as
/// does everything of data that is not well-formed. The data is read once, for all filters.
///
/// A small immutable value; copies share the expression and are safe between threads. One that is
/// malformed reports it by `check`, and the subscription that it is given to is refused.
class event_filter {
 public:
    event_filter() noexcept = default;

    /// The attribute has this value.
    TIDINGS_DECL static event_filter exact(std::string_view attribute, std::string_view value);
    /// It begins so.
    TIDINGS_DECL static event_filter prefix(std::string_view attribute, std::string_view value);
    /// It ends so.
    TIDINGS_DECL static event_filter suffix(std::string_view attribute, std::string_view value);
    /// Every one is true. There must be one.
    TIDINGS_DECL static event_filter all(std::vector<event_filter> of);
    /// One at least is true. There must be one.
    TIDINGS_DECL static event_filter any(std::vector<event_filter> of);
    /// `not`: true where `f` is false.
    TIDINGS_DECL friend event_filter operator!(const event_filter& f);

    /// Reads an expression, `{"prefix": {"type": "com.acme."}}`, or an array of them as the
    /// `filters` of a subscription (3.2.4): all must be true, and an empty one lets every event
    /// through. The limits above hold.
    /// @error errc::invalid_json, errc::unsupported_filter (`sql`, or a dialect that is not of the
    /// six), errc::bad_filter (not of the dialect's form: an empty or ill-formed name, a value that
    /// is no string or empty, an empty array, two dialects in one object), errc::too_large (one of
    /// the limits), errc::out_of_memory; the result lets every event through then.
    TIDINGS_DECL static event_filter parse(std::string_view json, error_code& ec) noexcept;
    /// The expression as JSON; `[]` where there is none.
    TIDINGS_DECL std::string json() const;

    /// What is wrong with it, if anything.
    /// @error errc::bad_filter (see `parse`; an operand without an expression is one, too),
    /// errc::too_large
    TIDINGS_DECL error_code check() const noexcept;

    /// Whether it lets every event through.
    bool empty() const noexcept { return root_ == nullptr; }
    /// Whether the event is wanted. A malformed filter wants none. Where memory to tell an id or a
    /// time is missing, the event counts as wanted.
    bool matches(const publication& p) const noexcept { return empty() || is_true(p); }
    /// The same, but no filter keeps a control event back.
    bool lets_through(const publication& p) const noexcept {
        return matches(p) || is_control(p.topic());
    }

 private:
    using node_ptr = boost::intrusive_ptr<const detail::filter_node>;
    explicit event_filter(node_ptr root) noexcept : root_(std::move(root)) {}
    TIDINGS_DECL bool is_true(const publication& p) const noexcept;

    node_ptr root_;
};

}  // namespace tidings
