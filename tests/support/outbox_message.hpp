// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox_entry.hpp>

#include <memory>
#include <string>
#include <utility>

namespace tidings::test {

inline std::shared_ptr<const store::outbox_message> message_of(std::string body) {
    auto m = std::make_shared<store::outbox_message>();
    m->body = std::make_shared<const std::string>(std::move(body));
    return m;
}

}  // namespace tidings::test
