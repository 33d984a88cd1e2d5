// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/delivered_ids.hpp>
#include <tidings/store/sqlite/impl/delivered_state.hpp>
#include <tidings/store/sqlite/impl/waiting_handler.hpp>

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <stdexcept>

namespace tidings::sqlite {

namespace detail {
namespace {

/// What became of deliveries: it has no bound of its own, and a full disk has room for it.
class delivered_job final : public write_job {
 public:
    using handler = std::shared_ptr<waiting_handler<error_code>>;
    delivered_job(std::shared_ptr<delivered_state> s, delivered_state::keys ks, handler done)
        : write_job(ks.size() * sizeof(delivered_state::key), false),
          state_(std::move(s)),
          keys_(std::move(ks)),
          done_(std::move(done)) {}
    void run() override { state_->add(keys_); }
    void finish(error_code ec) noexcept override { done_->complete(ec); }

 private:
    const std::shared_ptr<delivered_state> state_;
    const delivered_state::keys keys_;
    const handler done_;
};

class sqlite_delivered_ids final : public store::delivered_ids {
 public:
    sqlite_delivered_ids(std::shared_ptr<database_state> db, std::shared_ptr<delivered_state> s)
        : db_(std::move(db)),
          state_(std::move(s)) {}

    executor_type get_executor() const noexcept override { return db_->executor(); }
    key key_of(std::string_view id) override { return state_->key_of(id); }
    bool contains(const key& k) const noexcept override { return state_->contains(k); }
    std::shared_ptr<const commit_note> note(keys ks) override {
        return std::make_shared<const delivered_note>(state_, std::move(ks));
    }
    void start_add(keys ks, done_handler h) override {
        auto done = waiting_handler<error_code>::make(std::move(h));
        const bool all =
            std::all_of(ks.begin(), ks.end(), [this](const key& k) { return state_->contains(k); });
        if (all) return done->complete(error_code());
        const auto ec = db_->writing().post_always(
            std::make_unique<delivered_job>(state_, std::move(ks), done));
        if (ec) done->complete(ec);
    }

 private:
    const std::shared_ptr<database_state> db_;
    const std::shared_ptr<delivered_state> state_;
};

}  // namespace
}  // namespace detail

std::shared_ptr<store::delivered_ids> make_delivered_ids(database& db, const std::string& name,
                                                         store::delivered_ids_options options) {
    error_code ec = db.status();
    std::shared_ptr<detail::delivered_state> state;
    if (!ec && !db.state()->take_ids(name))
        throw std::invalid_argument("tidings::sqlite: ids of this name are in use: " + name);
    if (!ec) state = detail::delivered_state::make(db.state(), name, options, ec);
    if (ec) throw boost::system::system_error(ec, "tidings::sqlite::make_delivered_ids");
    return std::make_shared<detail::sqlite_delivered_ids>(db.state(), std::move(state));
}

}  // namespace tidings::sqlite
