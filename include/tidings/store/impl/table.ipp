// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/table.hpp>

#include <boost/asio/system_executor.hpp>

namespace tidings::store {

table::executor_type table::get_executor() const noexcept {
    return net::system_executor();
}

}  // namespace tidings::store
