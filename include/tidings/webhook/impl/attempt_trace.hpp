// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/client/exchange_trace.hpp>
#include <tidings/webhook/address_guard.hpp>
#include <tidings/webhook/impl/endpoint_target.hpp>

#include <boost/intrusive/list.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidings::webhook::detail {

/// The exchange of an attempt under way, which may be cut off. Of the sender's lane.
struct attempt_trace
    : http::detail::exchange_trace,
      std::enable_shared_from_this<attempt_trace>,
      boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    attempt_trace(io::steady_time at, std::shared_ptr<endpoint_target> t) noexcept
        : exchange_trace(at),
          of(std::move(t)) {}
    const std::shared_ptr<endpoint_target> of;
    bool was_cut = false;
};

/// Why the exchange failed, for people: of an address that the guard refuses also by which rule,
/// but not the address. Empty without an error.
inline std::string cause_of(error_code ec, const attempt_trace& t, const address_guard& guard) {
    if (!ec) return {};
    auto text = ec.message();
    if (ec == errc::address_refused && t.refused)
        text.append(": ").append(guard.refusal(*t.refused));
    return text;
}

/// The attempts of a sender; one that ends leaves by itself.
class attempt_traces {
 public:
    void add(attempt_trace& t) noexcept { all_.push_back(t); }
    /// Ends those to endpoints of an owner, within this call. @throws std::bad_alloc
    void cut(std::string_view owner) {
        std::vector<std::shared_ptr<attempt_trace>> found;
        for (auto& t : all_)
            if (t.of->terms().owner == owner) found.push_back(t.shared_from_this());
        for (const auto& t : found) {
            t->was_cut = true;
            http::detail::cut(*t);
        }
    }

 private:
    boost::intrusive::list<attempt_trace, boost::intrusive::constant_time_size<false>> all_;
};

}  // namespace tidings::webhook::detail
