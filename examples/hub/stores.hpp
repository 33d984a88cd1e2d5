// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus.hpp>
#include <tidings/store/outbox.hpp>
#include <tidings/store/table.hpp>

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>

namespace hub {

/// Where the hub keeps what it has taken: in memory, or in a file that survives it.
struct stores {
    std::shared_ptr<void> file{};  ///< keeps the rest alive
    tidings::history_options history{};
    std::shared_ptr<tidings::store::outbox> outbox{};  ///< null: the sender's own
    std::shared_ptr<tidings::store::table> hooks{};    ///< null: the manager's own
};

/// `folder` empty: in memory. Else the file `hub.db` there.
/// @throws std::exception where the file cannot be opened
stores open_stores(boost::asio::io_context& io, const std::string& folder,
                   const tidings::log_sink& log);

}  // namespace hub
