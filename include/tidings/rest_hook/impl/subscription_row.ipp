// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/finds_memory.hpp>
#include <tidings/rest_hook/impl/subscription_row.hpp>
#include <tidings/text/impl/hex.hpp>
#include <tidings/webhook/make_secret.hpp>

#include <span>
#include <utility>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

const std::string& subject_of(const subscriber_client_options& o) {
    return o.api_url.empty() ? o.topic_url : o.event;
}

subscriber_record new_record(const subscriber_client_options& o) {
    auto& random = *o.environment.random;
    std::string path(32, '\0');
    random.fill(std::as_writable_bytes(std::span(path.data(), path.size())));
    return {.server = o.api_url,
            .subject = subject_of(o),
            .path = hex_encode(path),
            .secret = o.secret.empty() ? webhook::make_secret(random) : o.secret,
            .topic = o.topic_url};
}

}  // namespace

// What the keeper calls, it calls in the lane of the owner of this, and not behind `stop`.
void subscription_row::load(const std::shared_ptr<lane>& home, const subscriber_client_options& o,
                            loaded done, std::function<void()> on_stranger) {
    stop();
    keeper_ = std::make_shared<row_keeper>(home, o.table, "subscriber_client/" + o.name,
                                           o.table_timeout, o.reconnect, *o.environment.random,
                                           o.log, std::move(on_stranger));
    keeper_->load([this, &o, done = std::move(done)](const row_keeper::value& found) {
        if (!finds_memory([&] { take(found, o, done); })) done(errc::out_of_memory, {});
    });
}

void subscription_row::take(const row_keeper::value& found, const subscriber_client_options& o,
                            const loaded& done) {
    old_ = found.has_value();
    if (!found) {
        record_ = new_record(o);
        save();
        return when_idle([this, done] {
            loaded_ = true;
            done({}, {});
        });
    }
    error_code ec;
    record_ = read_subscriber_row(*found, ec);
    if (ec) return done(ec, "the row cannot be read");
    if (record_.server != o.api_url || record_.subject != subject_of(o))
        return done(errc::store_conflict, "the row is another subscription's");
    loaded_ = true;
    done({}, {});
}

void subscription_row::stop() noexcept {
    pause();
    loaded_ = false;
}

}  // namespace tidings::rest_hook::detail
