// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "options.hpp"

#include <tidings/bus.hpp>
#include <tidings/store/delivered_ids.hpp>
#include <tidings/store/outbox.hpp>
#include <tidings/store/table.hpp>

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hub {

/// Where the hub keeps what it has taken: in memory, or in a file that survives it.
struct stores {
    using figures = std::vector<std::pair<std::string, std::uint64_t>>;

    tidings::history_options history{};
    std::shared_ptr<tidings::store::outbox> outbox{};
    std::shared_ptr<tidings::store::table> hooks{};  ///< null: the manager's own
    /// Of the webhooks from GitHub; null: its receiver remembers them in memory.
    std::shared_ptr<tidings::store::delivered_ids> github_ids{};
    /// What is wrong with the file and needs the operator; empty: nothing.
    std::function<std::string()> trouble = [] { return std::string(); };
    /// Of the file, for the metrics.
    std::function<figures()> file_figures = [] { return figures(); };
};

/// Without `o.data` in memory. Else the file `hub.db` in that folder.
/// @throws std::exception where the file cannot be opened
stores open_stores(boost::asio::io_context& io, const options& o, const tidings::log_sink& log);

/// What the outbox has, and the file.
stores::figures figures_of(const stores& s);

}  // namespace hub
