// SPDX-License-Identifier: BSL-1.0
#include <tidings/store/sqlite/history.hpp>

// Linked to the end: whatever is missing shows.
std::shared_ptr<tidings::history> open_history(boost::asio::any_io_executor executor,
                                               const char* path) {
    tidings::sqlite::database db(std::move(executor), {.path = path});
    return tidings::sqlite::make_history(db, {});
}
