// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox.hpp>

#include <boost/asio/system_executor.hpp>

namespace tidings::store {

outbox::executor_type outbox::get_executor() const noexcept {
    return net::system_executor();
}

}  // namespace tidings::store
