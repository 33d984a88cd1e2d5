// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/delivered_ids.hpp>

#include <boost/asio/system_executor.hpp>

namespace tidings::store {

delivered_ids::executor_type delivered_ids::get_executor() const noexcept {
    return net::system_executor();
}

}  // namespace tidings::store
