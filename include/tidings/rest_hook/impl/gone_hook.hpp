// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_list.hpp>

#include <memory>
#include <string>

namespace tidings::rest_hook::detail {

/// Erases the row of a subscription whose target wants nothing more. Another change of the row does
/// not hold that up, unless it tries the target again, or another one.
class gone_hook final : public std::enable_shared_from_this<gone_hook> {
 public:
    /// @param home where it goes on @param was as its target has refused it, with that revision
    gone_hook(std::shared_ptr<tidings::detail::lane> home, std::weak_ptr<hook_list> hooks,
              log_sink log, const hook_view& was);

    /// From any thread. @throws std::bad_alloc
    void erase();

 private:
    static constexpr int most_tries = 5;

    void on_erased(error_code ec);
    void read_again();
    void on_read(error_code ec, const store::row& r, const hook_list::reading_ptr& by);
    bool is_same(const hook_record& now) const;

    const std::shared_ptr<tidings::detail::lane> lane_;
    const std::weak_ptr<hook_list> hooks_;
    const log_sink log_;
    const hook_record was_;
    std::uint64_t revision_;
    int tries_ = 0;
};

}  // namespace tidings::rest_hook::detail
