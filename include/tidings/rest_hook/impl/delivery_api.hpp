// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/api_call.hpp>
#include <tidings/rest_hook/impl/api_query.hpp>

#include <memory>
#include <string>

namespace tidings::rest_hook::detail {

/// What is sent to the target of a subscription by itself, and what became of what was sent. Safe
/// from any thread, each call in its lane.
class delivery_api final : public std::enable_shared_from_this<delivery_api> {
 public:
    explicit delivery_api(api_parts parts) : parts_(std::move(parts)) {}

    /// An event of the library's.
    void ping(const call_ptr& c, const std::string& id);
    /// An event of the caller's, of a topic that the subscription matches.
    void test(const call_ptr& c, const std::string& id);
    /// One delivery, what an attempt sent, or all that failed.
    void redeliver(const call_ptr& c, const std::string& id);
    void list_deliveries(const call_ptr& c, const std::string& id, const http::query_parameters& q);
    void list_attempts(const call_ptr& c, const std::string& id, const http::query_parameters& q);
    /// How many there were in each minute.
    void list_counts(const call_ptr& c, const std::string& id, const http::query_parameters& q);
    /// One, with what it sent.
    void show_attempt(const call_ptr& c, const std::string& id, const std::string& attempt);

 private:
    struct wanted;

    std::optional<hook_view> find(const call_ptr& c, const std::string& id) const;
    void send(const call_ptr& c, const hook_view& to, std::string_view topic, event e);
    void resend(const call_ptr& c, const std::string& endpoint, const wanted& w);
    /// Calls `f` with an attempt of the endpoint; where it has none of this key it answers 410.
    template <class F>
    void with_attempt(const call_ptr& c, const std::string& endpoint, std::uint64_t key, F f) const;
    void redeliver_all(const call_ptr& c, const std::string& endpoint, const wanted& w);
    /// The handler of a list: answers with a page of it, and the link to the next one.
    /// @param show a row as JSON, for a call
    /// @param place_of where it stands, as `after` says it
    template <class Row, class Show, class Place>
    auto page_handler(const call_ptr& c, const std::string& path, const api_query& query, Show show,
                      Place place_of) const;
    std::string source_of(const call_ptr& c, const std::string& id) const;
    /// The handler of an operation of the sender or its outbox, which `c` waits for.
    template <class... Values, class F>
    auto handler(const call_ptr& c, F f) const;
    io::system_time now() const { return parts_.options->environment.clock->wall_now(); }

    const api_parts parts_;
};

}  // namespace tidings::rest_hook::detail
